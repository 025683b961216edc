package consumer

import (
	"context"
	"time"

	"github.com/theriac/theriac/handlers"
)

// unknownWait is how long a message waits before its standing is asked again,
// when the store that could tell is away.
const unknownWait = 2 * time.Second

// step says what is left to do for a message.
type step uint8

const (
	// stepSettled: nothing but to let it go.
	stepSettled step = iota
	// stepAck: the acknowledgement. It is done by the caller of process, near the
	// top of the goroutine: brokers' clients go deep in it, goroutines begin with
	// a small stack, and to grow it costs more than all our stages.
	stepAck
	// stepAgain: another attempt.
	stepAgain
	// stepElsewhere: nothing, since another goroutine goes on with it.
	stepElsewhere
)

// deliver is called by the source, on a goroutine of its own for each delivery.
func (c *Consumer) deliver(d *Delivery) {
	c.live.deliver()
	j := &d.job
	j.consumer, j.delivery = c, d
	if d.Message.OrderingKey == "" {
		c.finish(j, c.process(j))
		return
	}
	// A source that keeps order waits for this call before it delivers the next
	// message of the key, so it must return even when a handler never does.
	j.settled = make(chan struct{})
	c.group.Go(func() { c.finish(j, c.process(j)) })
	<-j.settled
}

// finish does what process left.
func (c *Consumer) finish(j *job, s step) {
	switch s {
	case stepElsewhere:
		return
	case stepAck:
		c.ack(j)
	}
	j.done()
}

// process works on a message until it is settled, all but for the ack, or until
// somebody else goes on with it. It never runs the handler again on a goroutine
// that was lost.
//
// All of it is one function: with a frame more, the stages would not fit into the
// stack of a new goroutine, and each message would pay for a larger one.
func (c *Consumer) process(j *job) step {
	for {
		a := c.admit(j)
		if a == nil {
			if s := c.notHere(j); s != stepAgain {
				return s
			}
			continue
		}
		if c.flights != nil {
			c.takeOff(a)
			c.label(a)
		}
		c.watch(a)
		rep, mine := c.supervise(a)
		if !mine {
			return stepElsewhere
		}
		if s := c.conclude(a, rep); s != stepAgain {
			return s
		}
	}
}

// notHere goes on with a message for which no attempt was begun in this process.
func (c *Consumer) notHere(j *job) step {
	if j.takeWard() {
		return c.runAlone(j)
	}
	return stepSettled
}

// resume goes on with a message whose goroutine was lost.
func (c *Consumer) resume(a *attempt, rep *report) {
	s := c.conclude(a, rep)
	if s == stepAgain {
		s = c.process(a.job)
	}
	c.finish(a.job, s)
}

// admit begins an attempt when the message may run. It returns nil when the
// message was settled instead, or is to run in a ward ([job.takeWard]).
func (c *Consumer) admit(j *job) *attempt {
	stop := c.stopOf(j)
	if isClosed(stop) {
		return c.notBegun(j)
	}
	if j.replay != nil {
		j.probe = c.breaker.tryProbe()
	} else {
		if c.early.any.Load() && !c.due(j) {
			return nil
		}
		if c.suspects.any.Load() && !c.meetSuspect(j) {
			return nil
		}
		if c.cfg.Quarantine != nil && !c.known(j) {
			return nil
		}
		if c.valve.dropping.Load() && c.drop(j) {
			return nil
		}
		p, ok := c.breaker.enter(stop, j.local > 0)
		if !ok {
			return c.notBegun(j)
		}
		j.probe = p
	}
	if c.toWard(j) {
		return nil
	}
	slot, ok := c.slots.acquire(stop)
	if !ok {
		return c.notBegun(j)
	}
	if c.cfg.Begin != nil {
		c.announce(j.message(), slot)
	}
	return c.begin(j, slot)
}

// notBegun hands a message back that no handler saw.
func (c *Consumer) notBegun(j *job) *attempt {
	c.handBack(j, 0)
	return nil
}

// due lets a message that was handed back wait until it is due. It returns
// false when it was handed back again.
func (c *Consumer) due(j *job) bool {
	wait := c.early.remaining(j.delivery.Message.ID, time.Now())
	return wait <= 0 || c.hold(j, wait)
}

// known asks what is recorded of the message. It returns false when it was
// settled: acknowledged on sight, or handed back.
func (c *Consumer) known(j *job) bool {
	for {
		standing, err := c.cfg.Quarantine.Standing(c.base, c.sub.Name, &j.delivery.Message)
		switch {
		case err == nil && standing == handlers.StandingDecided:
			c.recognised.Add(1)
			c.ack(j)
			return false
		case err == nil && standing == handlers.StandingSuspect:
			j.failing = true
			j.alone().wanted, j.lone.suspected = true, true
			return true
		case err == nil:
			j.failing = j.failing || standing == handlers.StandingFailing
			return true
		}
		if !c.holdUnknown(j, err) {
			return false
		}
	}
}

func (c *Consumer) holdUnknown(j *job, err error) bool {
	c.log.Warn("cannot tell whether a message was decided before; it waits", "message", j.delivery.Message.ID, "error", err)
	return c.hold(j, unknownWait)
}

// stayMax is the longest wait of a message that must stay: whatever it waits for,
// a store or a ward, may be back before.
const stayMax = 10 * time.Second

// hold keeps the message in this process for a while, its lease kept by the
// source. It returns false when the wait was too long for that, or the consumer
// stops or pauses: then the message has been handed back.
func (c *Consumer) hold(j *job, wait time.Duration) bool {
	if wait <= 0 && !isClosed(c.stopOf(j)) {
		return true
	}
	if j.mustStay() {
		wait = min(wait, stayMax)
	} else if wait > c.sub.Policy.HoldMax {
		return c.handBack(j, wait)
	}
	stop := c.stopOf(j)
	if isClosed(stop) {
		return c.handBack(j, wait)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	since := time.Now()
	select {
	case <-timer.C:
		return true
	case <-stop:
		return c.handBack(j, wait-time.Since(since))
	}
}

func (c *Consumer) stopping() bool { return isClosed(c.stop) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
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
