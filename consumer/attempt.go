package consumer

import (
	"context"
	"sync/atomic"
	"time"
)

// attempt is one run of the handler. It ends exactly once: whoever wins the
// claim (the handler's own goroutine, the guard of a goroutine that exits, or
// the watchdog) goes on with the message, and everybody else lets go.
type attempt struct {
	ctx attemptContext
	job *job
	// observed is what the observer made of ctx, nil without one.
	observed atomic.Pointer[context.Context]
	slot     int
	serial   uint64
	started  time.Time

	claimed     atomic.Bool
	interrupted atomic.Bool // the shutdown ended its context
	expired     atomic.Bool // the deadline ended its context
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

// over frees what the attempt held: its context, its place before the
// watchdog, and its slot. Its handler may still run if it was abandoned; then it
// runs without a slot, so that one hung message cannot use up all of them.
func (a *attempt) over() {
	a.ctx.end(context.Canceled)
	c := a.job.consumer
	c.running[a.slot].CompareAndSwap(a, nil)
	c.slots.release(a.slot)
}
