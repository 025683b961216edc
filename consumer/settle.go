package consumer

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/theriac/theriac/handlers"
)

// refusedDelay is the wait of a message that should be held but could not be
// stored anywhere: a long backoff, never an ack.
const refusedDelay = time.Minute

// conclude carries out what follows from an attempt and returns what is left.
func (c *Consumer) conclude(a *attempt, rep *report) step {
	j := a.job
	// Evidence comes first: of a failure before it has consequences, of a span when it
	// has ended.
	if named := a.over(rep.ended()); !named && (rep == nil || c.ender == nil) {
		a.free()
	}
	if j.lone != nil && j.lone.answer != nil {
		c.answerAlone(a, rep)
		return stepSettled
	}
	c.breaker.hear(j.takeProbe(), int(a.slot), j.message().ID, rep.ended())
	switch {
	case rep != nil || j.failing || j.replay != nil || j.lone != nil:
		again := c.settle(a, rep)
		a.free()
		if again {
			return stepAgain
		}
		return stepSettled
	case c.cfg.Observer != nil:
		c.ack(j)
		c.observeSuccess(a)
		a.free()
		return stepSettled
	default:
		return stepAck
	}
}

// settle judges an attempt and obeys: ack, retry or quarantine.
func (c *Consumer) settle(a *attempt, rep *report) (again bool) {
	failed := rep != nil
	if !failed {
		rep = new(report)
	}
	if rep.abandoned && c.cfg.Guard != nil {
		a.job.alone().wanted = true // there it can be killed
	}
	rec := c.attemptOf(a, rep)
	if failed && c.ender != nil {
		c.observeEnd(a, rec)
	}
	if failed {
		a.free() // a retry may wait for long
	}
	return c.settleRun(a.job, run{ctx: a.handlerContext(), attempt: rec, delay: rep.delay})
}

// run is one run of the handler that is over, here or in a ward.
type run struct {
	// ctx is the observer's.
	ctx     context.Context
	attempt handlers.Attempt
	// delay is what the handler named, for classes that name one.
	delay time.Duration
	// ward: it ran alone; fresh: in a process that had run nothing before.
	ward, fresh bool
}

// settleRun judges a run and obeys.
func (c *Consumer) settleRun(j *job, r run) (again bool) {
	rec := r.attempt
	if j.replay != nil {
		c.finishReplay(j, r)
		return false
	}
	totals, known := c.record(j, rec)
	d := decide(verdict{
		outcome: rec.Outcome, class: rec.Class, delay: r.delay,
		totals: totals, known: known, open: c.breaker.isOpen(), fresh: r.fresh,
	}, c.sub.Policy)
	if d.Jitter {
		d.Delay = jitter(d.Delay)
	}
	ref := ""
	if d.Verb == VerbQuarantine {
		ref, d = c.quarantine(j, rec, totals, d)
	}
	defer c.observe(r, j, d, ref)
	if j.lone != nil {
		c.tellFate(j, r, d)
	}
	switch d.Verb {
	case VerbRetry:
		if j.isCopy() && rec.Outcome != handlers.OutcomeCrashed {
			return false // the broker has the message, and delivers it again
		}
		return c.hold(j, d.Delay)
	default:
		return c.ack(j)
	}
}

// record counts an attempt over all replicas. known is false when the store
// could not tell; the totals are then those of this process.
func (c *Consumer) record(j *job, rec handlers.Attempt) (totals handlers.Totals, known bool) {
	counts := rec.Outcome.IsFailure() || rec.Outcome == handlers.OutcomeCrashed
	if counts {
		j.local++
	}
	local := handlers.Totals{Failures: j.local}
	// An outage is charged to nobody: while the breaker is open failures are not
	// counted. A success is worth recording only where failures were.
	if c.cfg.Quarantine == nil || !counts && !(rec.Outcome == handlers.OutcomeOK && j.failing) || counts && c.breaker.isOpen() {
		return local, false
	}
	ctx, cancel := c.settleContext()
	defer cancel()
	totals, err := c.cfg.Quarantine.RecordAttempt(ctx, c.sub.Name, *j.message(), rec)
	if err != nil {
		c.log.Warn("cannot record an attempt; the message stays on retry", "message", j.message().ID, "error", err)
		return local, false
	}
	j.failing = counts
	if j.lone != nil {
		j.lone.crashes = totals.Crashes
	}
	return totals, true
}

// quarantine stores the message and returns its reference. If that fails the
// decision becomes a retry with a long wait: it is never acknowledged without a
// durable copy.
func (c *Consumer) quarantine(j *job, rec handlers.Attempt, totals handlers.Totals, d Decision) (string, Decision) {
	if c.cfg.Quarantine == nil {
		c.log.Warn("message is past its limit, but there is no quarantine; it stays on retry",
			"message", j.message().ID, "reason", d.Reason)
		return "", Decision{Verb: VerbRetry, Delay: jitter(interval(j.local, c.sub.Policy.Backoff))}
	}
	ctx, cancel := c.settleContext()
	defer cancel()
	ref, err := c.cfg.Quarantine.Quarantine(ctx, c.sub.Name, *j.message(), handlers.Evidence{
		Reason: d.Reason, Confidence: confidence(rec.Outcome), Attempt: rec, Totals: totals,
	})
	if err != nil {
		c.log.Error("cannot store a message that should be held; it is handed back, not acknowledged",
			"message", j.message().ID, "reason", d.Reason, "error", err)
		return "", Decision{Verb: VerbRetry, Delay: refusedDelay}
	}
	c.log.Warn("message held", "entry", ref, "message", j.message().ID, "reason", d.Reason,
		"failures", totals.Failures)
	return ref, d
}

// confidence is how sure a verdict on an attempt is.
func confidence(o handlers.Outcome) handlers.Confidence {
	if o == handlers.OutcomeCrashed {
		return handlers.ConfidenceProvenAlone
	}
	return handlers.ConfidenceCertain
}

// ack tells the broker that the message is done. It returns false, so that
// callers can end with it. Without an ack the message comes back and is
// recognised, or does its idempotent work again.
func (c *Consumer) ack(j *job) bool {
	var err error
	if c.able.ConfirmedAck {
		err = c.ackConfirmed(j)
	} else {
		err = j.delivery.Settler.Ack(c.base)
	}
	if err != nil {
		c.ackFailed(j, err)
	}
	return false
}

func (c *Consumer) ackConfirmed(j *job) error {
	ctx, cancel := c.settleContext()
	defer cancel()
	return j.delivery.Settler.Ack(ctx)
}

func (c *Consumer) ackFailed(j *job, err error) {
	c.log.Warn("ack failed; the message may be delivered again", "message", j.delivery.Message.ID, "error", err)
}

// handBack gives the message back to the broker, to return after wait. It
// returns false, so that callers can end with it.
func (c *Consumer) handBack(j *job, wait time.Duration) bool {
	j.voidProbe()
	if j.replay != nil {
		c.giveBackReplay(j)
		return false
	}
	wait = max(wait, 0)
	if !c.able.ExactDelay && wait > 0 {
		c.early.note(j.delivery.Message.ID, time.Now(), wait)
	}
	ctx, cancel := c.settleContext()
	defer cancel()
	if err := j.delivery.Settler.Nack(ctx, wait); err != nil {
		c.log.Warn("nack failed; the message returns when its lease ends", "message", j.delivery.Message.ID, "error", err)
	}
	return false
}

// observeEnd tells of a failure before anything follows from it.
func (c *Consumer) observeEnd(a *attempt, rec handlers.Attempt) {
	defer c.observerPanicked()
	c.ender.AttemptEnded(a.handlerContext(), c.sub.Name, *a.job.message(), rec)
}

// observerPanicked is deferred where an observer's panic must not harm.
func (c *Consumer) observerPanicked() {
	if v := recover(); v != nil {
		c.log.Error("observer panicked", "panic", panicText(v))
	}
}

func (c *Consumer) observeSuccess(a *attempt) {
	c.observe(run{ctx: a.handlerContext(), attempt: c.attemptOf(a, new(report))}, a.job, Decision{}, "")
}

func (c *Consumer) observe(r run, j *job, d Decision, ref string) {
	if c.cfg.Observer == nil {
		return
	}
	// The message is settled; an observer's panic must not undo that.
	defer c.observerPanicked()
	c.cfg.Observer.AttemptSettled(r.ctx, Settled{
		Subscription: c.sub.Name, Message: *j.message(), Attempt: r.attempt, Decision: d, Ref: ref,
		Alone: r.ward, Blamed: j.blamed(),
	})
}

// attemptOf writes down an attempt in the words that all rooms share.
func (c *Consumer) attemptOf(a *attempt, rep *report) handlers.Attempt {
	return handlers.Attempt{
		Started:         a.started(),
		Ended:           time.Now(),
		Outcome:         rep.outcome,
		Class:           rep.class,
		Errors:          rep.errors,
		Panic:           rep.panic,
		Stack:           rep.stack,
		StackCut:        rep.cut,
		Frames:          rep.frames,
		Handler:         c.sub.HandlerName,
		Worker:          c.cfg.Worker,
		Host:            c.cfg.Host,
		Build:           c.cfg.Build,
		TraceID:         c.traceID(a),
		DeliveryAttempt: a.job.message().DeliveryAttempt,
		Replay:          a.job.replay != nil,
	}
}

// traceID is the trace of the attempt in hex, or "".
func (c *Consumer) traceID(a *attempt) string {
	if c.spans == nil {
		return ""
	}
	// The observer's own method; the report must not be lost with it.
	defer c.observerPanicked()
	id, _ := c.spans.SpanName(a.handlerContext())
	if id == [16]byte{} {
		return ""
	}
	return hex.EncodeToString(id[:])
}

func (j *job) takeProbe() probe {
	p := j.probe
	j.probe = nil
	return p
}
