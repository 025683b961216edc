package consumer

import (
	"context"
	"time"

	"github.com/theriac/theriac/handlers"
)

// refusedDelay is the wait of a message that should be held but could not be
// stored anywhere: a long backoff, never an ack.
const refusedDelay = time.Minute

// conclude carries out what follows from an attempt. It returns true when the
// message is to run again in this process.
func (c *Consumer) conclude(res result) (again bool) {
	a := res.attempt
	j := a.job
	a.over()
	c.breaker.hear(j.takeProbe(), a.slot, j.message().ID, res.outcome)
	if res.outcome == handlers.OutcomeOK && !j.failing && j.replay == nil {
		c.ack(j)
		if c.cfg.Observer != nil {
			c.observe(res, c.attemptOf(res), Decision{}, "")
		}
		return false
	}
	rec := c.attemptOf(res)
	if j.replay != nil {
		c.finishReplay(res, rec)
		return false
	}
	return c.settle(res, rec)
}

// settle judges an attempt and obeys: ack, retry or quarantine.
func (c *Consumer) settle(res result, rec handlers.Attempt) (again bool) {
	j := res.attempt.job
	totals, known := c.record(j, rec)
	d := decide(verdict{
		outcome: res.outcome, class: res.class, delay: res.delay,
		totals: totals, known: known, open: c.breaker.isOpen(),
	}, c.sub.Policy)
	if d.Jitter {
		d.Delay = jitter(d.Delay)
	}
	ref := ""
	if d.Verb == VerbQuarantine {
		ref, d = c.quarantine(j, rec, totals, d)
	}
	defer c.observe(res, rec, d, ref)
	switch d.Verb {
	case VerbRetry:
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
	totals, err := c.cfg.Quarantine.RecordAttempt(ctx, c.sub.Name, j.message(), rec)
	if err != nil {
		c.log.Warn("cannot record an attempt; the message stays on retry", "message", j.message().ID, "error", err)
		return local, false
	}
	j.failing = counts
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
	ref, err := c.cfg.Quarantine.Quarantine(ctx, c.sub.Name, j.message(), handlers.Evidence{
		Reason: d.Reason, Confidence: handlers.ConfidenceCertain, Attempt: rec, Totals: totals,
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

// ack tells the broker that the message is done. It returns false, so that
// callers can end with it. Without an ack the message comes back and is
// recognised, or does its idempotent work again.
func (c *Consumer) ack(j *job) bool {
	ctx := c.base
	if c.source.Abilities().ConfirmedAck {
		var cancel context.CancelFunc
		ctx, cancel = c.settleContext()
		defer cancel()
	}
	if err := j.delivery.Settler.Ack(ctx); err != nil {
		c.log.Warn("ack failed; the message may be delivered again", "message", j.delivery.Message.ID, "error", err)
	}
	return false
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
	if !c.source.Abilities().ExactDelay && wait > 0 {
		c.early.note(j.delivery.Message.ID, time.Now(), wait)
	}
	ctx, cancel := c.settleContext()
	defer cancel()
	if err := j.delivery.Settler.Nack(ctx, wait); err != nil {
		c.log.Warn("nack failed; the message returns when its lease ends", "message", j.delivery.Message.ID, "error", err)
	}
	return false
}

func (c *Consumer) observe(res result, rec handlers.Attempt, d Decision, ref string) {
	if c.cfg.Observer == nil {
		return
	}
	// The message is settled; an observer's panic must not undo that.
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("observer panicked", "panic", panicText(v))
		}
	}()
	c.cfg.Observer.AttemptSettled(res.attempt.handlerContext(), Settled{
		Subscription: c.sub.Name, Message: res.attempt.job.message(), Attempt: rec, Decision: d, Ref: ref,
	})
}

// attemptOf writes down an attempt in the words that all rooms share.
func (c *Consumer) attemptOf(res result) handlers.Attempt {
	a := res.attempt
	return handlers.Attempt{
		Started:         a.started,
		Ended:           time.Now(),
		Outcome:         res.outcome,
		Class:           res.class,
		Errors:          res.report.errors,
		Panic:           res.report.panic,
		Stack:           res.report.stack,
		StackCut:        res.report.cut,
		Frames:          res.report.frames,
		Handler:         c.sub.HandlerName,
		Worker:          c.cfg.Worker,
		Host:            c.cfg.Host,
		Build:           c.cfg.Build,
		DeliveryAttempt: a.job.message().DeliveryAttempt,
		Replay:          a.job.replay != nil,
	}
}

func (j *job) takeProbe() probe {
	p := j.probe
	j.probe = nil
	return p
}
