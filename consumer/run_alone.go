package consumer

import (
	"context"
	"errors"
	"time"

	"github.com/theriac/theriac/handlers"
)

const (
	// wardPause is the wait before a ward is asked for again, when none could be had.
	wardPause = 2 * time.Second
	// lostPause is the wait after a ward ended that was not the message's fault.
	lostPause = 100 * time.Millisecond
)

// toWard reports whether the job's next attempt runs in a ward, and notes it.
// Probes do, too: while the breaker is open anything may kill.
func (c *Consumer) toWard(j *job) bool {
	if c.cfg.Guard == nil {
		return false
	}
	wanted := j.probe != nil || j.lone != nil && j.lone.wanted
	if !wanted || j.lone != nil && j.lone.refused {
		return false
	}
	j.alone().now = true
	return true
}

// runAlone has a ward run the job's message, and obeys what came of it. It takes
// no slot: nothing runs here.
func (c *Consumer) runAlone(j *job) step {
	p := c.sub.Policy
	result, err := c.cfg.Guard.RunAlone(c.warding, AloneRun{
		Subscription: c.sub.Name, Message: *j.message(), Replay: j.replay,
		Fresh: j.lone.crashes+1 >= p.MaxCrashes, Limit: p.Timeout + p.Grace,
	})
	if err != nil {
		return c.notAlone(j, err)
	}
	return c.concludeAlone(j, result)
}

// notAlone goes on with a message that found no ward.
func (c *Consumer) notAlone(j *job, err error) step {
	if errors.Is(err, ErrNoWard) {
		j.lone.refused = true
		j.voidProbe() // it asks for one again, to run here
		return stepAgain
	}
	if c.warding.Err() == nil {
		c.log.Warn("no ward for a message that must run alone; it waits", "message", j.message().ID, "error", err)
	}
	return c.waitForWard(j, wardPause)
}

// waitForWard tries again later. A replay is given back: it is claimed again.
func (c *Consumer) waitForWard(j *job, wait time.Duration) step {
	j.voidProbe()
	if j.replay != nil {
		pause(c.warding, wait)
		c.handBack(j, 0)
		return stepSettled
	}
	return again(c.hold(j, wait))
}

func again(more bool) step {
	if more {
		return stepAgain
	}
	return stepSettled
}

// concludeAlone carries out what follows from a run in a ward.
func (c *Consumer) concludeAlone(j *job, result AloneResult) step {
	r := run{ctx: c.base, attempt: result.Attempt, delay: result.Delay, ward: true, fresh: result.Fresh}
	r.attempt.Handler = c.sub.HandlerName // which a ward that died could not say
	switch r.attempt.Outcome {
	case handlers.OutcomeInterrupted:
		return c.waitForWard(j, lostPause)
	case handlers.OutcomeCrashed:
		c.log.Warn("a message died alone", "message", j.message().ID, "how", howItDied(r.attempt), "fresh", r.fresh)
		j.lone.wanted = true
		j.lone.suspectedFor(result.Reported)
	}
	c.breaker.hear(j.takeProbe(), 0, j.message().ID, r.attempt.Outcome)
	return again(c.settleRun(j, r))
}

// howItDied names the way of dying. What a panic said does not stand in logs.
func howItDied(a handlers.Attempt) string {
	if len(a.Errors) == 0 {
		return a.Outcome.String()
	}
	return a.Errors[0].Type
}

// tellFate tells the quarantine what became of a message that was suspect.
func (c *Consumer) tellFate(j *job, r run, d Decision) {
	l := j.lone
	if !l.suspected || !r.ward && !l.refused {
		return
	}
	var fate handlers.Fate
	switch {
	case d.Verb == VerbAck:
		fate = handlers.FateDone
	case d.Verb == VerbQuarantine:
		fate = handlers.FateHeld
	case r.attempt.Outcome == handlers.OutcomeCrashed || r.attempt.Outcome == handlers.OutcomeInterrupted:
		return
	default:
		fate = handlers.FateCleared
		l.wanted = r.attempt.Outcome == handlers.OutcomeTimedOut
	}
	l.suspected = false
	c.settleSuspect(j, fate)
}

// settleSuspect makes a suspect's fate known here at once, and to everybody
// through the quarantine, which must have heard of the death first.
func (c *Consumer) settleSuspect(j *job, fate handlers.Fate) {
	s, m := j.lone.suspect, j.message()
	if s != nil {
		defer c.suspects.settle(s, m, fate)
	}
	if c.cfg.Quarantine == nil {
		return
	}
	ctx, cancel := c.settleContext()
	defer cancel()
	j.lone.awaitReports(ctx)
	if err := c.cfg.Quarantine.SettleSuspect(ctx, c.sub.Name, *m, fate); err != nil {
		c.log.Warn("could not tell what became of a suspect; it may run alone once more", "message", m.ID, "fate", fate, "error", err)
	}
}

// reportPatience is how long a suspect's fate waits for the reports of its deaths.
// They take milliseconds, unless nobody carries them.
const reportPatience = 2 * time.Second

// awaitReports waits until the quarantine was told of the deaths, or ctx ends.
func (l *lone) awaitReports(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, reportPatience)
	defer cancel()
	for _, reported := range l.reports {
		select {
		case <-reported:
		case <-ctx.Done():
		}
	}
	l.reports = nil
}

// tire asks for a new process when too many handlers run on that were given up:
// they hold what they hold until this one ends.
func (c *Consumer) tire(abandoned int) {
	if c.cfg.Guard == nil || abandoned < c.sub.Policy.MaxAbandoned {
		return
	}
	c.log.Error("too many handlers ignore their deadlines and run on; this process is to be replaced", "handlers", abandoned)
	c.cfg.Guard.Recycle("handlers of " + c.sub.Name + " that were given up still run")
}

// reprieve has what was convicted run again, once not everything kills any more.
// since is zero for what the reports of deaths say.
func (c *Consumer) reprieve(ctx context.Context, since time.Time) {
	if c.cfg.Quarantine == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.SettleTimeout)
	defer cancel()
	n, err := c.cfg.Quarantine.Reprieve(ctx, c.sub.Name, since, "held while every message killed its process; not every message does any more")
	switch {
	case err != nil:
		c.log.Warn("could not have messages run again that were held while everything killed", "error", err)
	case n > 0:
		c.log.Info("messages that were held while everything killed run again", "messages", n)
	}
}
