package consumer

import (
	"context"
	"time"

	"github.com/theriac/theriac/handlers"
)

// unknownWait is how long a message waits before its standing is asked again,
// when the store that could tell is away.
const unknownWait = 2 * time.Second

// deliver is called by the source, on a goroutine of its own for each delivery.
func (c *Consumer) deliver(d *Delivery) {
	c.jobs.Add(1)
	j := &job{consumer: c, delivery: d, values: c.base}
	if d.Message.OrderingKey == "" {
		c.process(j)
		return
	}
	// A source that keeps order waits for this call before it delivers the next
	// message of the key, so it must return even when a handler never does.
	j.settled = make(chan struct{})
	c.group.Go(func() { c.process(j) })
	<-j.settled
}

// process works on a message until it is settled or somebody else goes on with
// it. It never runs the handler again on a goroutine that was lost.
func (c *Consumer) process(j *job) {
	for c.admit(j) {
		res, mine := c.attempt(j)
		if !mine || !c.conclude(res) {
			return
		}
	}
}

// resume goes on with a message whose goroutine was lost.
func (c *Consumer) resume(res result) {
	if c.conclude(res) {
		c.process(res.attempt.job)
	}
}

// admit says whether the message is to run. If not, it has been settled.
func (c *Consumer) admit(j *job) bool {
	if c.stopping() {
		return c.handBack(j, 0)
	}
	if j.replay != nil {
		j.probe = c.breaker.tryProbe()
		return true
	}
	if wait := c.early.remaining(j.delivery.Message.ID, time.Now()); wait > 0 && !c.hold(j, wait) {
		return false
	}
	if c.cfg.Quarantine != nil && !c.known(j) {
		return false
	}
	p, ok := c.breaker.enter(c.stop)
	if !ok {
		return c.handBack(j, 0)
	}
	j.probe = p
	return true
}

// known asks what is recorded of the message. It returns false when it was
// settled: acknowledged on sight, or handed back.
func (c *Consumer) known(j *job) bool {
	for {
		standing, err := c.cfg.Quarantine.Standing(c.base, c.sub.Name, j.delivery.Message)
		switch {
		case err == nil && standing == handlers.StandingDecided:
			c.ack(j)
			return false
		case err == nil:
			j.failing = j.failing || standing == handlers.StandingFailing
			return true
		}
		c.log.Warn("cannot tell whether a message was decided before; it waits", "message", j.delivery.Message.ID, "error", err)
		if !c.hold(j, unknownWait) {
			return false
		}
	}
}

// attempt runs the handler once.
func (c *Consumer) attempt(j *job) (result, bool) {
	slot, ok := c.slots.acquire(c.stop)
	if !ok {
		j.voidProbe()
		c.handBack(j, 0)
		return result{}, false
	}
	return c.supervise(c.begin(j, slot))
}

// hold keeps the message in this process for a while, its lease kept by the
// source. It returns false when the wait was too long for that or the consumer
// stops: then the message has been handed back.
func (c *Consumer) hold(j *job, wait time.Duration) bool {
	if wait <= 0 && !c.stopping() {
		return true
	}
	if wait > c.sub.Policy.HoldMax || c.stopping() {
		return c.handBack(j, wait)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	since := time.Now()
	select {
	case <-timer.C:
		return true
	case <-c.stop:
		return c.handBack(j, wait-time.Since(since))
	}
}

func (c *Consumer) stopping() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

func (j *job) voidProbe() {
	if j.probe != nil {
		j.probe(errAttemptVoid)
		j.probe = nil
	}
}

// settleContext bounds the store and the broker together. It outlives a
// shutdown: settling has its own budget.
func (c *Consumer) settleContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.base, c.cfg.SettleTimeout)
}
