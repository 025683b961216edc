package consumer

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/theriac/theriac/handlers"
)

// suspects are the messages that earlier deaths left to this consumer. Whoever
// is here runs alone: from the copy that the dead process left, or when the
// broker delivers it again.
type suspects struct {
	any atomic.Bool // spares the lock while there are none

	mu   sync.Mutex
	byID map[string]*suspect
}

// suspect is one of them.
type suspect struct {
	Suspect
	copied   bool // it runs from its copy
	blamed   bool // the death names it
	settled  chan struct{}
	identity handlers.Identity // once done
	fate     handlers.Fate     // once settled
}

func newSuspects() *suspects { return &suspects{byID: make(map[string]*suspect)} }

func (s *suspects) add(one Suspect) *suspect {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.byID[one.Message.ID]
	if known != nil && known.Message.PublishedAt.Equal(one.Message.PublishedAt) {
		known.also(one)
		return nil
	}
	added := &suspect{Suspect: one, blamed: one.Named != nil, settled: make(chan struct{})}
	s.byID[one.Message.ID] = added
	s.any.Store(true)
	return added
}

// also takes note of another death with the same message in it.
func (s *suspect) also(other Suspect) {
	before := s.Settled
	s.Settled = func() {
		before()
		other.Settled()
	}
}

// of returns the suspect that a message is, nil if it is none.
func (s *suspects) of(m *handlers.Message) *suspect {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.byID[m.ID]
	if one == nil || !one.Message.PublishedAt.Equal(m.PublishedAt) {
		return nil
	}
	return one
}

// settle ends a suspicion. One that is done is remembered, so that its
// redelivery is recognised although the store may be away; all others are
// forgotten.
func (s *suspects) settle(one *suspect, m *handlers.Message, fate handlers.Fate) {
	if s.end(one, m, fate) {
		close(one.settled)
		one.Settled()
	}
}

// end notes a fate, and reports whether it is the first.
func (s *suspects) end(one *suspect, m *handlers.Message, fate handlers.Fate) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one.fate != "" {
		return false
	}
	one.fate = fate
	if fate == handlers.FateDone {
		one.identity = m.Identity()
		one.Message.Data, one.Message.Attributes = nil, nil
	} else {
		delete(s.byID, one.Message.ID)
		s.any.Store(len(s.byID) > 0)
	}
	return true
}

func (s *suspects) isDone(one *suspect, m *handlers.Message) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return one.fate == handlers.FateDone && one.identity == m.Identity()
}

// inherit takes over what earlier deaths left, before the first message is
// pulled.
func (c *Consumer) inherit(fetch context.Context) {
	c.breaker.closed = func(opened time.Time) {
		since := opened.Add(-c.sub.Policy.Breaker.CulpritWindow)
		c.group.Go(func() { c.reprieve(c.warding, since) })
	}
	if c.cfg.Guard == nil {
		return
	}
	left := c.cfg.Guard.Suspects(c.sub.Name)
	for _, culprit := range left.Culprits {
		c.breaker.crashed(culprit.ID, culprit.At)
	}
	c.giveBackBystanders(left.Bystanders)
	var queue []*job
	adopted := new(adoptions)
	for _, one := range left.Messages {
		switch s := c.suspects.add(one); {
		case s == nil:
		case one.HasCopy:
			queue = append(queue, c.copyJob(s, adopted))
		case one.Token != "":
			c.giveBack(one.Token, hearsay)
		}
	}
	c.runCopies(queue)
	if len(adopted.all) > 0 {
		c.group.Go(func() { adopted.keep(fetch) })
	}
}

// copyJob makes a job of the copy that a dead process left.
func (c *Consumer) copyJob(s *suspect, adopted *adoptions) *job {
	s.copied = true
	d := &Delivery{Message: s.Message, Settler: copied{}}
	if source, ok := c.source.(Adopter); ok && s.Token != "" {
		if settler, err := source.Adopt(s.Token); err == nil {
			d.Settler = settler
			adopted.add(s, settler)
		} else {
			c.log.Warn("cannot take over a delivery of a process that died; the broker delivers it again", "message", s.Message.ID, "error", err)
		}
	}
	j := &job{consumer: c, delivery: d, failing: true}
	j.alone().becomes(s)
	return j
}

// copyRunners is how many copies are on their way to wards at once; there are
// fewer wards, and they are taken in the order of asking.
const copyRunners = 16

// runCopies works on the copies in their order.
func (c *Consumer) runCopies(queue []*job) {
	next := make(chan *job, len(queue))
	for _, j := range queue {
		c.live.add()
		next <- j
	}
	close(next)
	for range min(copyRunners, len(queue)) {
		c.group.Go(func() {
			for j := range next {
				c.runCopy(j)
			}
		})
	}
}

func (c *Consumer) runCopy(j *job) {
	s := j.lone.suspect
	if c.cfg.Quarantine != nil && !c.known(j) {
		if !c.stopping() { // it was decided before this process began
			c.suspects.settle(s, j.message(), handlers.FateDone)
		}
		j.done()
		return
	}
	if named := s.Named; named != nil && !c.stopping() {
		if _, known := c.record(j, *named); known {
			c.log.Warn("a message killed its process; it runs alone now", "message", j.message().ID, "deaths", j.lone.crashes)
		}
	}
	c.finish(j, c.process(j))
}

// meetSuspect lets a delivery wait while its message runs from the copy that a
// dead process left. It returns false when the delivery was settled.
func (c *Consumer) meetSuspect(j *job) bool {
	if j.lone != nil && j.lone.suspect != nil {
		return true
	}
	s := c.suspects.of(j.message())
	if s == nil {
		return true
	}
	if !s.copied {
		j.alone().becomes(s)
		s.nameOnce(c, j)
		return true
	}
	select {
	case <-s.settled:
	case <-c.stopOf(j):
		return c.handBack(j, 0)
	}
	if c.suspects.isDone(s, j.message()) {
		c.recognised.Add(1)
		return c.ack(j)
	}
	return true
}

// nameOnce counts the death that names a message of which there is no copy, now
// that all of it is here.
func (s *suspect) nameOnce(c *Consumer, j *job) {
	if named := s.Named; named != nil {
		s.Named = nil
		c.record(j, *named)
	}
}

// isCopy reports whether the job has nothing but a copy of its message: nobody
// can settle it.
func (j *job) isCopy() bool {
	if j.delivery == nil {
		return false
	}
	_, is := j.delivery.Settler.(copied)
	return is
}

// copied settles a message of which there is a copy and no delivery: the broker
// delivers it again, and then it is recognised.
type copied struct{}

func (copied) Ack(context.Context) error { return nil }

func (copied) Nack(context.Context, time.Duration) error { return nil }

// giveBackBystanders hands back what was merely in flight, so that it need not
// wait until its lease ends.
func (c *Consumer) giveBackBystanders(tokens []string) {
	for _, token := range tokens {
		c.giveBack(token, 0)
	}
}

// hearsay is how long a suspect stays away of which there is no copy: by then all
// replicas have heard that it must run alone.
const hearsay = 3 * time.Second

// giveBack hands a delivery of a dead process back, if the source can.
func (c *Consumer) giveBack(token string, wait time.Duration) {
	source, ok := c.source.(Adopter)
	if !ok {
		return
	}
	ctx, cancel := c.settleContext()
	defer cancel()
	settler, err := source.Adopt(token)
	if err == nil {
		err = settler.Nack(ctx, wait)
	}
	if err != nil {
		c.log.Warn("cannot hand back a delivery of a process that died; it returns when its lease ends", "error", err)
	}
}

// adoptions are deliveries of a dead process whose leases are kept.
type adoptions struct{ all []adoption }

type adoption struct {
	settled <-chan struct{}
	lease   Adopted
}

// adoptedBeat is how often they are extended. Leases are ten seconds and more,
// and two at the least.
const adoptedBeat = 500 * time.Millisecond

func (a *adoptions) add(s *suspect, lease Adopted) {
	a.all = append(a.all, adoption{s.settled, lease})
}

// keep extends the leases until all are settled or ctx ends.
func (a *adoptions) keep(ctx context.Context) {
	tick := time.NewTicker(adoptedBeat)
	defer tick.Stop()
	for len(a.all) > 0 {
		open := a.all[:0]
		for _, one := range a.all {
			select {
			case <-one.settled:
			default:
				_ = one.lease.Extend() // if it fails the lease ends, and the broker delivers it again
				open = append(open, one)
			}
		}
		a.all = open
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
