package quarantine

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac/theriac/handlers"
)

// Pause stops a subscription from pulling: what is in flight ends, the backlog
// waits at the broker, replays run all the same. It lasts for the given time, or
// until somebody resumes it if that is 0. A pause that is there is replaced. A
// reason is required. It returns what is in force then; [Service.WaitConfirmed] waits
// until the workers do it.
func (s *Service) Pause(ctx context.Context, sub string, lasts time.Duration, d Decision) (Controls, error) {
	return s.ControlAct(ctx, ControlAct{Verb: ControlPause, Subscription: sub, For: lasts, Decision: d})
}

// Resume ends the pause of a subscription. A reason is optional. It returns an
// error wrapping [ErrRefused] where it is not paused.
func (s *Service) Resume(ctx context.Context, sub string, d Decision) (Controls, error) {
	return s.ControlAct(ctx, ControlAct{Verb: ControlResume, Subscription: sub, Decision: d})
}

// Shed sets how much of the service is shed, for the given time, or until
// somebody ends it if that is 0. [handlers.ShedNothing] ends it, and needs no reason;
// it returns an error wrapping [ErrRefused] where nothing is shed.
func (s *Service) Shed(ctx context.Context, level handlers.ShedLevel, lasts time.Duration, d Decision) (Controls, error) {
	return s.ControlAct(ctx, ControlAct{Verb: ControlShed, Level: level, For: lasts, Decision: d})
}

// ControlAct is these three for surfaces that have a request key. See
// [ControlStore.ControlAct].
func (s *Service) ControlAct(ctx context.Context, a ControlAct) (Controls, error) {
	if err := checkDecision(a.Decision, !a.ends()); err != nil {
		return Controls{}, fmt.Errorf("%s: %w", clean(string(a.Verb), 64), err)
	}
	return s.store.ControlAct(ctx, a)
}

// Controls returns what is in force now, with who ordered it, why, since when and
// until when.
func (s *Service) Controls(ctx context.Context) (Controls, error) { return s.store.Controls(ctx) }

// ConfirmPatience is how long people wait for workers to confirm.
const ConfirmPatience = 10 * time.Second

// confirmEvery is how often the registry is looked at while somebody waits.
const confirmEvery = 100 * time.Millisecond

// Confirmations is who has done what the controls of a version say.
type Confirmations struct {
	// Version is that of the controls.
	Version int64
	// Confirmed and Missing are the living workers that have, and that have not.
	Confirmed, Missing []Worker
}

// Living is how many workers were asked.
func (c Confirmations) Living() int { return len(c.Confirmed) + len(c.Missing) }

// Of returns what the confirmed workers make of one subscription: in flight in all of
// them, the largest backlog that one was told of, and its flow where they agree, else
// "". It reports false where none of them serves it.
func (c Confirmations) Of(sub string) (handlers.Obeyed, bool) {
	all, found := handlers.Obeyed{Backlog: -1}, false
	for _, w := range c.Confirmed {
		one, serves := w.Obeyed[sub]
		if !serves {
			continue
		}
		one.InFlight += all.InFlight
		one.Backlog = max(one.Backlog, all.Backlog)
		if found && one.Flow != all.Flow {
			one.Flow = ""
		}
		all, found = one, true
	}
	return all, found
}

// Confirmations asks who of the living workers has done what the controls of a
// version say.
func (s *Service) Confirmations(ctx context.Context, version int64) (Confirmations, error) {
	workers, err := s.store.Workers(ctx)
	if err != nil {
		return Confirmations{Version: version}, err
	}
	return ConfirmationsOf(workers, version), nil
}

// ConfirmationsOf sorts the living of these workers.
func ConfirmationsOf(workers []Worker, version int64) Confirmations {
	c := Confirmations{Version: version}
	for _, w := range workers {
		switch {
		case !w.Alive:
		case w.Controls >= version:
			c.Confirmed = append(c.Confirmed, w)
		default:
			c.Missing = append(c.Missing, w)
		}
	}
	return c
}

// WaitConfirmed waits until every living worker has done what the controls of a
// version say, at most for the given time, and returns who has and who has not. A
// worker that began since is waited for as well. Its error is that of the store, or
// ctx's.
func (s *Service) WaitConfirmed(ctx context.Context, version int64, patience time.Duration) (Confirmations, error) {
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		c, err := s.Confirmations(ctx, version)
		if err != nil || len(c.Missing) == 0 {
			return c, err
		}
		if pause(wait, confirmEvery) != nil {
			return c, ctx.Err()
		}
	}
}
