package workflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/runner"
)

// effect is one thing to do to the world outside, once.
type effect struct {
	// key makes it happen once; incident and event are whose it is and what causes it.
	key, incident, event string
	// handler is whose name its traces bear.
	handler string
	// silent effects leave nothing in the timeline when they do not happen.
	silent bool
	// refuse looks once more, right before do, whether it is still wanted: "" for yes, else why not. It is
	// final. Nil: it is.
	refuse func(ctx context.Context) (why string, err error)
	// probe looks whether an earlier attempt did it. Nil: to repeat it does no harm.
	probe func(ctx context.Context) (end incident.EffectEnd, found bool, err error)
	// do does it.
	do func(ctx context.Context) (incident.EffectEnd, error)
	// record writes down what came of it. It is run again whenever the message comes again, so that a
	// crash before it loses nothing. Nil: nothing is to be written.
	record func(ctx context.Context, end incident.EffectEnd) error
	// every is for what is kept up to date: it is never done, but free to be done again after so long, with the
	// result kept. Zero: it happens once.
	every time.Duration
	// settled: what earlier attempts left in doubt is not any more once this one has succeeded.
	settled bool
	// released says how an attempt that did not succeed is given back. Nil: see Deps.giveBack.
	released func(attempt int, err error) (wait time.Duration, answer error)
}

// begun reports that an effect was begun and not ended, so that it may have happened.
func begun(row incident.Effect) bool {
	return row.State == incident.EffectClaimed || (row.State == incident.EffectWaiting && row.Attempt > 0)
}

// mayBe is the external id of an effect that was given up while it was in doubt.
const mayBe = "in doubt"

// grace is how long after its handler's deadline an effect is still its owner's at most, so that nobody
// begins what another is about to finish.
const grace = 10 * time.Second

// settleTime bounds the writing down of what happened, which goes on when the handler's time is over.
const settleTime = 5 * time.Second

// leaseTime is how long an effect is its owner's without a sign of life, and renewEvery how often an owner
// gives one. So the next one need not wait for a handler's whole time when a process dies, and looks
// first whether it happened. An owner who could give none in time stops what it does: somebody else may
// be at it by then.
const (
	leaseTime  = 2 * time.Second
	renewEvery = leaseTime / 4
)

// errLost ends an attempt whose effect may be somebody else's by now.
var errLost = errors.New("the effect may be somebody else's by now")

// run claims an effect, looks whether an earlier attempt did it, does it, and finishes it. A crash
// between any two of these leaves a claim that runs out, and then whoever comes next looks first.
func (d Deps) run(ctx context.Context, e effect) error {
	asked := time.Now()
	claim, err := d.stores().Claim(ctx, incident.Claim{
		Key: e.key, IncidentID: e.incident, EventID: e.event, Lease: leaseTime,
	})
	switch {
	case err != nil:
		return fmt.Errorf("claim %s: %w", e.key, err)
	case claim.Done:
		return e.recorded(ctx, incident.EffectEnd{ExternalID: claim.Effect.ExternalID, Result: claim.Effect.Result})
	case claim.Failed:
		return d.skipped(ctx, e, claim.Effect.Result)
	case !claim.Mine:
		return handlers.Again(max(claim.Wait, 100*time.Millisecond))
	}
	if err := d.stillMine(ctx, e.key, claim.Effect.Attempt, asked); err != nil {
		return err
	}
	ctx, release := d.keep(ctx, e.key, claim.Effect.Attempt)
	defer release()
	end, doing, err := e.attempt(ctx, claim.Effect.InDoubt)
	settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	if err != nil && errors.Is(context.Cause(ctx), errLost) {
		err = InDoubt(fmt.Errorf("%w: %w", errLost, err))
	}
	if err != nil {
		return d.giveBack(settle, e, claim.Effect, doing, err)
	}
	if e.every > 0 {
		return d.rest(settle, e, claim.Effect, end)
	}
	return d.finish(settle, e, claim.Effect.Attempt, end)
}

// stillMine renews a claim that was asked for a while ago: by the time the answer arrives it may be out, and
// somebody else may be at it, or be done. Once is enough: a store that is slow each time is no reason to do
// nothing.
func (d Deps) stillMine(ctx context.Context, key string, attempt int, asked time.Time) error {
	if time.Since(asked) < leaseTime/2 {
		return nil
	}
	err := d.stores().Renew(ctx, key, attempt, leaseTime)
	switch {
	case errors.Is(err, incident.ErrConflict):
		return handlers.Again(time.Second)
	case err != nil:
		return fmt.Errorf("renew %s: %w", key, err)
	}
	return nil
}

// attempt looks, asks and does. It reports whether it came as far as to do it.
func (e effect) attempt(ctx context.Context, inDoubt bool) (end incident.EffectEnd, doing bool, err error) {
	if inDoubt && e.probe != nil {
		end, found, err := e.probe(ctx)
		if err != nil || found {
			return end, false, err
		}
	}
	if e.refuse != nil {
		why, err := e.refuse(ctx)
		if err != nil {
			return end, false, err
		}
		if why != "" {
			end := incident.EffectEnd{Failed: true, Result: why}
			if inDoubt {
				end.ExternalID = mayBe
			}
			return end, false, nil
		}
	}
	end, err = e.do(ctx)
	return end, true, err
}

// finish notes how an effect ended, and then what comes of it.
func (d Deps) finish(ctx context.Context, e effect, attempt int, end incident.EffectEnd) error {
	end.Result = line(end.Result, 200)
	err := d.stores().Finish(ctx, e.key, attempt, end)
	if errors.Is(err, incident.ErrConflict) {
		// Another owner took over. What it makes of it is what counts.
		return handlers.Again(time.Second)
	}
	if err != nil {
		return fmt.Errorf("finish %s: %w", e.key, err)
	}
	if end.Failed {
		return d.skipped(ctx, e, end.Result)
	}
	return e.recorded(ctx, end)
}

// rest notes what an effect that is kept up to date came to, and gives it free for the next time.
func (d Deps) rest(ctx context.Context, e effect, claimed incident.Effect, end incident.EffectEnd) error {
	err := d.stores().Release(ctx, e.key, claimed.Attempt, incident.EffectRelease{
		InDoubt: claimed.InDoubt && !e.settled, Result: line(end.Result, 200), NotBefore: e.every,
	})
	switch {
	case errors.Is(err, incident.ErrConflict):
		return handlers.Again(time.Second)
	case err != nil:
		return fmt.Errorf("rest %s: %w", e.key, err)
	}
	return e.recorded(ctx, end)
}

// giveBack notes that an attempt did not succeed, and answers for it.
func (d Deps) giveBack(ctx context.Context, e effect, claimed incident.Effect, doing bool, cause error) error {
	kind, after := outcomeOf(cause)
	if kind == never {
		return d.finish(ctx, e, claimed.Attempt, incident.EffectEnd{Failed: true, Result: cause.Error()})
	}
	switch {
	case after > 0:
	case e.every > 0:
		after = e.every // its attempts are those of its whole life, so that they say nothing of this one
	case kind != unknown:
		after = waitAfter(claimed.Attempt)
	}
	answer := handlers.Again(after)
	if kind == unknown {
		answer = fmt.Errorf("%s: %w", e.key, cause)
	}
	if e.released != nil {
		after, answer = e.released(claimed.Attempt, cause)
	}
	err := d.stores().Release(ctx, e.key, claimed.Attempt, incident.EffectRelease{
		InDoubt:   claimed.InDoubt || (doing && kind != later),
		Result:    line(cause.Error(), 200),
		NotBefore: after,
	})
	if err != nil && !errors.Is(err, incident.ErrConflict) {
		// The claim runs out by itself, and then it is in doubt.
		d.Logger.WarnContext(ctx, "an effect could not be given back", "effect", e.key, "err", err)
	}
	return answer
}

// skipped writes into the timeline that an effect will not happen, once.
func (d Deps) skipped(ctx context.Context, e effect, why string) error {
	if e.silent || e.incident == "" {
		return nil
	}
	_, err := d.do(ctx, e.incident, by(e.handler), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.SkipEffect(act, e.key, why)
	}, incident.WithKey("skip:"+e.key), incident.CausedBy(e.event, ""))
	return err
}

// recorded runs record, if there is one.
func (e effect) recorded(ctx context.Context, end incident.EffectEnd) error {
	if e.record == nil {
		return nil
	}
	return e.record(ctx, end)
}

// keep renews the claim of an effect until release is called, or grace after the handler's deadline: one
// that hangs does not keep it for ever. The context that it returns ends when the claim may be lost.
func (d Deps) keep(ctx context.Context, key string, attempt int) (_ context.Context, release func()) {
	doing, lost := context.WithCancelCause(ctx)
	keeping, stop := context.WithTimeout(context.WithoutCancel(ctx), atMost(ctx)+grace)
	var keeper runner.Group
	keeper.Go(func() {
		again := time.NewTicker(renewEvery)
		defer again.Stop()
		for last := time.Now(); ; {
			select {
			case <-again.C:
			case <-keeping.Done():
				return
			}
			now := time.Now()
			renewing, cancel := context.WithDeadline(keeping, last.Add(leaseTime-renewEvery))
			err := d.stores().Renew(renewing, key, attempt, leaseTime)
			cancel()
			switch {
			case err == nil:
				last = now
			case errors.Is(err, incident.ErrConflict), time.Since(last) >= leaseTime-renewEvery:
				lost(errLost)
				return
			}
		}
	})
	return doing, func() { stop(); keeper.Wait(); lost(nil) }
}

// atMost returns how long a handler may run still.
func atMost(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 30 * time.Second
	}
	return max(time.Until(deadline), 0)
}
