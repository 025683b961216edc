package consumer

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/handlers"
)

// attempt is one run of the handler. It ends exactly once: whoever wins the
// claim (the handler's own goroutine, the guard of a goroutine that exits, or
// the watchdog) goes on with the message, and everybody else lets go.
type attempt struct {
	ctx attemptContext
	job *job
	// observed is what the observer made of ctx, nil without one.
	observed atomic.Pointer[context.Context]
	// slot and turn name the attempt within the consumer.
	turn uint64
	// generation is the attempt's in the table of what is in flight, if there is
	// one.
	generation uint64
	slot       int32
	claimed    atomic.Bool
	// named: its span is in the table. Written under ctx.mu and before ctx ends only.
	named bool
	// freed: the slot is somebody else's. It belongs to whoever concludes the attempt.
	freed bool
}

// place is what the watchdog sees of a slot.
type place struct {
	attempt atomic.Pointer[attempt]
	// announced is what Running tells instead, with Config.Begin only.
	announced atomic.Pointer[handlers.Running]
	// What follows belongs to whoever holds the slot.
	turns  uint64 // taken so far
	begin  inflight.Begin
	labels labelSheet
}

// begin makes the job's next attempt, in a slot that the caller took.
func (c *Consumer) begin(j *job, slot int) *attempt {
	at := &c.running[slot]
	at.turns++
	a := j.attempt()
	a.slot, a.turn = int32(slot), at.turns
	a.ctx.parent = j.values()
	a.ctx.deadline = time.Now().Add(c.sub.Policy.Timeout)
	return a
}

// watch puts an attempt before the watchdog.
func (c *Consumer) watch(a *attempt) {
	c.running[a.slot].attempt.Store(a)
	c.watchdog.kick()
}

// started is when it began.
func (a *attempt) started() time.Time {
	return a.ctx.deadline.Add(-a.job.consumer.sub.Policy.Timeout)
}

// claim reports whether the caller may conclude the attempt.
func (a *attempt) claim() bool { return a.claimed.CompareAndSwap(false, true) }

// handlerContext is the context that the handler gets.
func (a *attempt) handlerContext() context.Context {
	if ctx := a.observed.Load(); ctx != nil {
		return *ctx
	}
	return &a.ctx
}

// over ends what the handler had of the attempt: its context and its place before
// the watchdog. A death from here on is not its message's fault. It reports whether
// the attempt's span is in the table, where it must stay until it has ended.
func (a *attempt) over(how handlers.Outcome) (named bool) {
	a.ctx.end(endedOver)
	named = a.named // nobody writes it once the context has ended
	c := a.job.consumer
	if c.flights != nil && (named || how != handlers.OutcomeOK) {
		c.flights.Return(int(a.slot), a.generation, uint8(how))
	}
	c.running[a.slot].attempt.CompareAndSwap(a, nil)
	if c.cfg.Begin != nil {
		c.running[a.slot].announced.Store(nil)
	}
	return named
}

// free frees the attempt's slot, once. It is called when the evidence of how the
// attempt ended is out of this process: until then a death leaves its span in the
// table. Its handler may still run if it was abandoned; then it runs without a slot,
// so that one hung message cannot use up all of them.
func (a *attempt) free() {
	if a.freed {
		return
	}
	a.freed = true
	c := a.job.consumer
	if c.flights != nil {
		c.flights.End(int(a.slot), a.generation)
	}
	c.slots.release(int(a.slot))
}
