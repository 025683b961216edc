package consumer

import (
	"time"

	"github.com/theriac/theriac/handlers"
)

// Running is one attempt that runs in this process now.
type Running struct {
	Subscription, MessageID string
	PublishedAt             time.Time
	// Started is when the handler was called.
	Started time.Time
}

// Running returns what the consumer is running and began before olderThan, in no
// order: for a store in which somebody finds it who finds this process dead. It
// costs a look at each slot and may be called at any time, by any goroutine.
func (c *Consumer) Running(olderThan time.Time) []Running {
	var all []Running
	for i := range c.running {
		a := c.running[i].attempt.Load()
		if a == nil || !a.started().Before(olderThan) {
			continue
		}
		m := a.job.message()
		all = append(all, Running{c.sub.Name, m.ID, m.PublishedAt, a.started()})
	}
	return all
}

// announce waits until the message is named where it survives this machine. One
// that cannot be named runs all the same: what it is for is rare, and a store
// that is away must not stop everything.
//
//go:noinline
func (c *Consumer) announce(m *handlers.Message) {
	ctx, cancel := c.settleContext()
	defer cancel()
	if err := c.cfg.Begin(ctx, c.sub.Name, m); err != nil {
		c.log.Warn("a message begins without being named in the store", "message", m.ID, "error", err)
	}
}
