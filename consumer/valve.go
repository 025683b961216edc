package consumer

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/theriac/theriac/handlers"
)

// Shed says what a subscription does when people shed load.
//
//	               non-critical   critical-only
//	ShedNever      goes on        pauses; a critical one goes on
//	ShedPause      pauses         pauses
//	ShedDrop       drops          drops
type Shed uint8

// What a subscription may declare.
const (
	// ShedDefault is ShedNever for critical subscriptions and ShedPause for others.
	ShedDefault Shed = iota
	// ShedNever: it goes on at "non-critical". Where it is not critical it pauses at
	// "critical-only", which leaves nothing else.
	ShedNever
	// ShedPause: it stops pulling, and its backlog waits at the broker. Only for
	// non-critical subscriptions.
	ShedPause
	// ShedDrop: its messages are acknowledged without being run and counted as
	// discarded (Stats.Dropped): for what is worth nothing later. The order to shed is
	// durable, with author and reason, before the first one is. Messages that earlier
	// deaths made suspect and replays run all the same. Only for non-critical
	// subscriptions.
	ShedDrop
)

var shedNames = [...]string{"default", "never", "pause", "drop"}

// String returns the declaration in lower case.
func (s Shed) String() string { return shedNames[min(int(s), len(shedNames)-1)] }

// flow is what the subscription does when people order it.
func (s Subscription) flow(o handlers.Controls) handlers.Flow {
	if o.Paused {
		return handlers.FlowPaused
	}
	sheds := o.Level == handlers.ShedNonCritical || o.Level == handlers.ShedAllButCritical
	switch {
	case !sheds || s.Criticality == Critical:
		return handlers.FlowRunning
	case s.Shed == ShedDrop:
		return handlers.FlowDropping
	case s.Shed == ShedNever && o.Level == handlers.ShedNonCritical:
		return handlers.FlowRunning
	default:
		return handlers.FlowPaused
	}
}

// valve is where people stop the flow of deliveries. Messages only look at it:
// they share no lock.
type valve struct {
	pull     atomic.Pointer[pull] // the present or last one
	dropping atomic.Bool
	dropped  atomic.Uint64 // deliveries in all

	mu      sync.Mutex
	flow    handlers.Flow // "" until it is known
	changed chan struct{} // closed when flow changes
}

// pull is one call of the source's Receive, between two pauses.
type pull struct {
	ctx  context.Context
	done <-chan struct{} // of ctx
	stop context.CancelFunc
}

// set lets the deliveries flow as ordered. When it returns, nothing begins any more
// that is not to.
func (v *valve) set(flow handlers.Flow) (before handlers.Flow) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before = v.flow
	v.dropping.Store(flow == handlers.FlowDropping)
	if p := v.pull.Load(); p != nil && flow == handlers.FlowPaused {
		p.stop()
	}
	if v.flow = flow; flow != before && v.changed != nil {
		close(v.changed)
		v.changed = nil
	}
	return before
}

// open waits until deliveries may flow, and returns what ends with the next
// pause. It returns nil when fetch ended first.
func (v *valve) open(fetch context.Context) *pull {
	for {
		p, changed := v.tryOpen(fetch)
		if p != nil {
			return p
		}
		select {
		case <-changed:
		case <-fetch.Done():
			return nil
		}
	}
}

func (v *valve) tryOpen(fetch context.Context) (*pull, <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.flow == "" || v.flow == handlers.FlowPaused || fetch.Err() != nil {
		if v.changed == nil {
			v.changed = make(chan struct{})
		}
		return nil, v.changed
	}
	p := new(pull)
	p.ctx, p.stop = context.WithCancel(fetch)
	p.done = p.ctx.Done()
	v.pull.Store(p)
	return p, nil
}

// state is the present flow.
func (v *valve) state() handlers.Flow {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.flow
}

// stopOf is closed when the job's message may not begin any more: at a pause for
// what the broker keeps, at a shutdown for what only this process has.
func (c *Consumer) stopOf(j *job) <-chan struct{} {
	p := c.valve.pull.Load()
	if p == nil || j.replay != nil || j.mustStay() {
		return c.stop
	}
	return p.done
}

// drop acknowledges a delivery that is shed, and reports whether it did.
func (c *Consumer) drop(j *job) bool {
	if j.lone != nil && j.lone.suspected {
		return false // what killed a process is worth knowing
	}
	c.valve.dropped.Add(1)
	c.ack(j)
	return true
}

// followControls does what people order until ctx ends.
func (c *Consumer) followControls(ctx context.Context) {
	for ctx.Err() == nil {
		err := c.cfg.Quarantine.FollowControls(ctx, c.sub.Name, c.obey)
		if ctx.Err() == nil {
			c.log.Warn("cannot follow what people order; going on with the last that is known", "error", err)
			pause(ctx, replayPause)
		}
	}
}

// obey does what people order, and says what that is.
func (c *Consumer) obey(o handlers.Controls) handlers.Obeyed {
	done := handlers.Obeyed{
		Flow:         c.sub.flow(o),
		NonCritical:  c.sub.flow(handlers.Controls{Level: handlers.ShedNonCritical}),
		CriticalOnly: c.sub.flow(handlers.Controls{Level: handlers.ShedAllButCritical}),
		Backlog:      -1,
	}
	before := c.valve.set(done.Flow)
	done.InFlight = c.slots.taken()
	if done.Flow == handlers.FlowPaused {
		done.Backlog = c.backlog()
	}
	if before != done.Flow && (before != "" || done.Flow != handlers.FlowRunning) {
		c.log.Warn("people ordered the flow of messages", "flow", done.Flow, "before", before,
			"in_flight", done.InFlight, "dropped", c.valve.dropped.Load())
	}
	return done
}

// backlogPatience bounds the wait for a broker: people wait for the answer.
const backlogPatience = time.Second

// backlog is what the broker holds, negative where nobody knows.
func (c *Consumer) backlog() int64 {
	asked, ok := c.source.(Backlogger)
	if !ok {
		return -1
	}
	ctx, cancel := context.WithTimeout(c.base, backlogPatience)
	defer cancel()
	n, err := asked.Backlog(ctx)
	if err != nil || n > 1<<62 {
		return -1
	}
	return int64(n)
}
