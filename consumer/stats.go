package consumer

import (
	"context"
	"math/bits"
	"slices"
	"sync/atomic"
	"time"

	"github.com/theriac/theriac/handlers"
)

// Stats is what a consumer does at a moment, in plain numbers. What ends in "in
// all" is counted from the start of the consumer and never falls.
type Stats struct {
	// Subscription and Criticality are the subscription's, Engine the source's.
	Subscription string
	Criticality  Criticality
	Engine       string

	// Running is how many handlers run, at most MaxRunning. Those that were given up
	// are not among them.
	Running, MaxRunning int
	// Outstanding is how many messages are in this process unsettled, running ones
	// included.
	Outstanding int
	// Waiting is how many of them wait for a slot.
	Waiting int
	// Abandoned is how many handlers were given up and still run.
	Abandoned int
	// Suspects is how many messages earlier deaths left here that are not settled.
	Suspects int
	// Breaker is the state of the breaker.
	Breaker BreakerStats

	// Flow is what people let the subscription do; "" until it is known.
	Flow handlers.Flow

	// Delivered is how many messages the source handed over in all.
	Delivered uint64
	// Recognised is how many deliveries were acknowledged on sight in all, since
	// their messages had been decided before.
	Recognised uint64
	// Dropped is how many deliveries were acknowledged without being run in all, since
	// people shed load: discarded, for the reason "shed".
	Dropped uint64
}

// BreakerStats is the state of a breaker.
type BreakerStats struct {
	// Open: nothing is quarantined, and one message at a time is tried.
	Open bool
	// Kills: it is open since different messages kill the process and none succeeds.
	// Else failures spread over many messages.
	Kills bool
	// Since is when it opened, zero while it is closed.
	Since time.Time
}

// Stats returns what the consumer does now. The numbers are read one after the
// other, so that they need not fit together to the last message. It costs about a
// microsecond, disturbs nobody, and may be called at any time by any goroutine.
func (c *Consumer) Stats() Stats {
	live, delivered := c.live.read()
	return Stats{
		Subscription: c.sub.Name, Criticality: c.sub.Criticality, Engine: c.able.Engine,
		Running: c.slots.taken(), MaxRunning: c.slots.size(),
		Outstanding: live, Waiting: int(c.slots.waiting.Load()),
		Abandoned: int(max(0, c.abandoned.Load())), Suspects: c.suspects.waiting(),
		Breaker: c.breaker.state(), Delivered: delivered, Recognised: c.recognised.Load(),
		Flow: c.valve.state(), Dropped: c.valve.dropped.Load(),
	}
}

// Stats returns the stats of each consumer. It is safe for concurrent use.
func (r *Roster) Stats() []Stats {
	r.mu.Lock()
	consumers := slices.Clone(r.consumers)
	r.mu.Unlock()
	all := make([]Stats, len(consumers))
	for i, c := range consumers {
		all[i] = c.Stats()
	}
	return all
}

// Backlogs asks the brokers how many messages they hold that were not handed to
// anybody, by subscription. Subscriptions whose broker cannot tell are missing (Cloud
// Pub/Sub tells its monitoring only), as are those whose broker did not answer; the error
// is that of the last one of these.
func (r *Roster) Backlogs(ctx context.Context) (map[string]uint64, error) {
	r.mu.Lock()
	consumers := slices.Clone(r.consumers)
	r.mu.Unlock()
	all := make(map[string]uint64)
	var failed error
	for _, c := range consumers {
		asked, ok := c.source.(Backlogger)
		if !ok {
			continue
		}
		n, err := asked.Backlog(ctx)
		if err != nil {
			failed = err
			continue
		}
		all[c.sub.Name] = n
	}
	return all, failed
}

// population counts the messages in this process, and how many were delivered in
// all. Both are in one word, so that to count the second costs a message nothing.
// The second begins again at 0 after 2^40 deliveries.
type population struct{ n atomic.Uint64 }

// liveBits are enough for many more messages than a process can hold.
const (
	liveBits = 24
	liveMask = 1<<liveBits - 1
)

// deliver counts a message that the source handed over.
func (p *population) deliver() { p.n.Add(1<<liveBits | 1) }

// add counts one that came in another way.
func (p *population) add() { p.n.Add(1) }

// leave counts one out, and returns how many are left.
func (p *population) leave() (live int) { return int(p.n.Add(^uint64(0)) & liveMask) }

func (p *population) read() (live int, delivered uint64) {
	n := p.n.Load()
	return int(n & liveMask), n >> liveBits
}

// taken is how many slots are in use.
func (s *slots) taken() (n int) {
	for i := range s.words {
		n += bits.OnesCount64(s.words[i].taken.Load())
	}
	// Places in a word that are no slots count as taken.
	return n - (64*len(s.words) - s.size())
}

// waiting is how many messages are suspect and not settled.
func (s *suspects) waiting() (n int) {
	if !s.any.Load() {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.byID {
		if one.fate == "" {
			n++
		}
	}
	return n
}

func (b *breaker) state() BreakerStats {
	if !b.open.Load() {
		return BreakerStats{}
	}
	return BreakerStats{Open: true, Kills: b.deaths.Load(), Since: time.Unix(0, b.since.Load())}
}
