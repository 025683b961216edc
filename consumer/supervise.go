package consumer

import (
	"github.com/theriac/theriac/handlers"
)

// supervise runs the handler once on the calling goroutine. mine is false when
// somebody else concludes the attempt: the watchdog, which gave it up, or the
// goroutine that was started because the handler called runtime.Goexit and takes
// this one with it.
func (c *Consumer) supervise(a *attempt) (rep *report, mine bool) {
	left := false
	// Runs last, also when describing a panic exits the goroutine.
	defer func() {
		switch {
		case !left && a.claim():
			c.takeOver(a, exitReport())
		case !mine:
			c.abandoned.Add(-1)
		}
	}()
	if c.flights == nil {
		rep = c.call(a)
	} else {
		rep = c.labelled(a)
	}
	left, mine = true, a.claim()
	return rep, mine
}

// call runs the handler and describes what came of it, both under recover: an
// error's Error method and a panic value's String method are the handler's code
// too.
func (c *Consumer) call(a *attempt) (rep *report) {
	defer func() {
		if v := recover(); v != nil {
			rep = panicReport(v)
		}
	}()
	return supervised(uintptr(a.slot), uintptr(a.turn), c, a)
}

// supervised is the frame under which everything of the user's runs: observer,
// handler, and the methods of the error that it returned. Its first two
// arguments appear as words in every stack dump, which is how the watchdog finds
// the goroutine of an attempt that hangs without paying for labels or goroutine
// ids.
//
//go:noinline
func supervised(slot, turn uintptr, c *Consumer, a *attempt) (rep *report) {
	if c.cfg.Observer != nil {
		c.observeStart(a)
	}
	if err := c.sub.Handler.Handle(a.handlerContext(), *a.job.message()); err != nil {
		rep = a.judge(err)
	}
	// Used after the calls, so that the words in a dump are never stale.
	if slot == ^uintptr(0) && turn == ^uintptr(0) {
		return nil
	}
	return rep
}

// observeStart lets the observer make the handler's context.
func (c *Consumer) observeStart(a *attempt) {
	ctx := c.cfg.Observer.AttemptStarted(&a.ctx, c.sub.Name, *a.job.message())
	if ctx == nil {
		return
	}
	a.observed.Store(&ctx)
	if c.flights != nil && c.spans != nil {
		c.nameSpan(ctx, a)
	}
}

// judge describes an attempt that returned an error.
func (a *attempt) judge(err error) *report {
	r := errorReport(err)
	r.class, r.delay = handlers.Class(err), handlers.Delay(err)
	r.outcome = a.outcome(r.class)
	return r
}

// outcome names what an error of a class means for this attempt.
func (a *attempt) outcome(class handlers.ErrorClass) handlers.Outcome {
	switch {
	case class == handlers.ClassAgain:
		return handlers.OutcomeDeferred
	case a.ctx.ending() == endedInterrupted:
		return handlers.OutcomeInterrupted
	case a.ctx.ending() == endedTimeout && class < handlers.ClassPermanent:
		return handlers.OutcomeTimedOut
	default:
		return handlers.OutcomeFailed
	}
}

// takeOver goes on with a message on a goroutine of its own, since the one it
// ran on is lost.
func (c *Consumer) takeOver(a *attempt, rep *report) {
	c.group.Go(func() { c.resume(a, rep) })
}
