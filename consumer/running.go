package consumer

import (
	"slices"
	"sync"
	"time"

	"github.com/theriac/theriac/handlers"
)

// Running returns what the consumer is running and began before olderThan, in no
// order: for a store in which somebody finds it who finds this process dead. With
// Config.Begin that is also what is about to run, from just before its Begin. It
// costs a look at each slot and may be called at any time, by any goroutine.
func (c *Consumer) Running(olderThan time.Time) []handlers.Running {
	var all []handlers.Running
	for i := range c.running {
		if r, runs := c.running[i].runs(); runs && r.Started.Before(olderThan) {
			all = append(all, r)
		}
	}
	return all
}

// runs tells of the message in a place.
func (p *place) runs() (handlers.Running, bool) {
	if r := p.announced.Load(); r != nil {
		return *r, true
	}
	a := p.attempt.Load()
	if a == nil {
		return handlers.Running{}, false
	}
	m := a.job.message()
	return handlers.Running{
		Subscription: a.job.consumer.sub.Name, MessageID: m.ID, PublishedAt: m.PublishedAt, Started: a.started(),
	}, true
}

// announce waits until the message is named where it survives this machine, and
// has Running tell of it from before that until its attempt is over: a snapshot
// written meanwhile would not name it otherwise. One that cannot be named runs all
// the same: what it is for is rare, and a store that is away must not stop
// everything.
//
//go:noinline
func (c *Consumer) announce(m *handlers.Message, slot int) {
	c.running[slot].announced.Store(&handlers.Running{
		Subscription: c.sub.Name, MessageID: m.ID, PublishedAt: m.PublishedAt, Started: time.Now(),
	})
	ctx, cancel := c.settleContext()
	defer cancel()
	if err := c.cfg.Begin(ctx, c.sub.Name, m); err != nil {
		c.log.Warn("a message begins without being named in the store", "message", m.ID, "error", err)
	}
}

// Roster tells what all consumers of a process run. Each of them is given it as
// its Config.Roster, and the quarantine its [Roster.Running]. The zero value is
// ready to use.
type Roster struct {
	mu        sync.Mutex
	consumers []*Consumer
}

// Running returns what the consumers are running and began before olderThan, in
// no order; see [Consumer.Running]. It is safe for concurrent use.
func (r *Roster) Running(olderThan time.Time) []handlers.Running {
	r.mu.Lock()
	consumers := slices.Clone(r.consumers)
	r.mu.Unlock()
	var all []handlers.Running
	for _, c := range consumers {
		all = append(all, c.Running(olderThan)...)
	}
	return all
}

// join is called by New; r may be nil.
func (r *Roster) join(c *Consumer) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.consumers = append(r.consumers, c)
}
