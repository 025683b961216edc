package quarantine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/theriac/theriac/handlers"
)

// NextReplay waits for an entry of sub that somebody asked to run again, claims
// it for this worker and returns it with the message as it was received. Nobody
// else runs it. It returns ctx's error when ctx ends; without a registration
// (see [Service.Run]) it only waits.
func (s *Service) NextReplay(ctx context.Context, sub string) (handlers.Replay, error) {
	bell := s.bells.of(sub)
	for {
		m, err := s.members.wait(ctx)
		if err != nil {
			return handlers.Replay{}, err
		}
		e, err := s.claim(ctx, sub, m)
		switch {
		case err == nil:
			return replayOf(e), nil
		case ctx.Err() != nil:
			return handlers.Replay{}, ctx.Err()
		case errors.Is(err, ErrNotFound):
			again := s.lookAgain()
			select {
			case <-ctx.Done():
			case <-bell:
			case <-m.Lost():
			case <-again:
			}
		default: // the change loop reports a store in trouble
			if err := pause(ctx, s.cfg.PollEvery); err != nil {
				return handlers.Replay{}, err
			}
		}
	}
}

// A group is replayed one by one from another process, which asks for the next
// entry as soon as it sees the last one end. So for a moment after a replay ended
// a worker looks often, and does not leave each step to the next poll.
const (
	freshFor  = 2 * time.Second
	freshLook = 25 * time.Millisecond
)

// lookAgain returns a channel that tells when to look without a bell, nil for
// not at all.
func (s *Service) lookAgain() <-chan time.Time {
	if time.Since(time.Unix(0, s.replayedAt.Load())) > freshFor || s.cfg.PollEvery < freshLook {
		return nil
	}
	return time.After(freshLook)
}

func replayOf(e Entry) handlers.Replay {
	return handlers.Replay{
		Entry: e.ID, Ref: e.Ref, Version: e.Version, Number: e.Replays,
		Actor: e.Decided.Actor.Name, Message: e.Message,
		Alone: e.Alone || e.Reason == handlers.ReasonCrashed || e.Reason == handlers.ReasonHung,
	}
}

// claim takes the next replay for m. Only one claim is under way at a time, so
// that sweepClaims can tell a claim that nobody knows of from one that is just
// being made.
func (s *Service) claim(ctx context.Context, sub string, m Membership) (e Entry, err error) {
	b := &s.members
	b.claiming.Lock()
	defer b.claiming.Unlock()
	e, err = within(ctx, s.cfg.WriteTimeout, "claim a replay", func(ctx context.Context) (Entry, error) {
		return s.store.ClaimReplay(ctx, sub, m.Incarnation())
	})
	switch {
	case err == nil && isLost(m):
		return Entry{}, fmt.Errorf("claim a replay of %s: %w", sub, ErrClaimLost)
	case err == nil:
		b.add(e.ID, m)
	case !errors.Is(err, ErrNotFound):
		b.sweepUntil = time.Now().Add(10 * s.cfg.WriteTimeout)
	}
	return e, err
}

// sweepClaims gives back replays that were claimed for m by a call whose answer
// never came: m lives, so nobody else would ever free them.
func (s *Service) sweepClaims(ctx context.Context, m Membership) {
	b := &s.members
	b.claiming.Lock()
	defer b.claiming.Unlock()
	if time.Now().After(b.sweepUntil) {
		return
	}
	for _, sub := range s.cfg.Worker.Subscriptions {
		page, err := within(ctx, s.cfg.WriteTimeout, "look for lost claims", func(ctx context.Context) (EntryPage, error) {
			return s.store.EntryList(ctx, Query{Subscription: sub, States: []State{StateReplaying}, OldestFirst: true, Limit: 1000})
		})
		if err != nil {
			return
		}
		for _, e := range page.Entries {
			if e.Claim != m.Incarnation() || b.has(e.ID) {
				continue
			}
			t := Transition{
				EntryID: e.ID, Version: e.Version, To: StateReplaying, Unclaim: true, Claim: e.Claim,
				Decision: Decision{Actor: s.systemActor(), Reason: "claimed, but the answer of the store was lost"},
			}
			if err := s.transition(ctx, t); err != nil {
				s.log.Warn("quarantine: a lost claim could not be given back", "entry", e.Ref, "error", err)
			}
		}
	}
}

// FinishReplay records how a replay ended: OutcomeOK makes the entry replayed,
// OutcomeInterrupted gives it back to be claimed again, anything else holds it
// again. While the store is away it tries until ctx ends; then the result is
// kept and delivered when the store is back, and the error wraps
// [ErrUnavailable]. It returns an error wrapping [ErrClaimLost] when the claim
// ended before the result came; the result is then not taken.
func (s *Service) FinishReplay(ctx context.Context, sub string, r handlers.Replay, a handlers.Attempt) error {
	m, err := s.members.get(r.Entry, r.Ref)
	if err != nil {
		return err
	}
	t := s.finish(r, a, m.Incarnation())
	for bare := false; ; {
		err := s.transition(ctx, t)
		switch {
		case err == nil:
			s.members.remove(r.Entry)
			s.replayedAt.Store(time.Now().UnixNano())
			s.bells.ring(sub) // given back, or there may be more
			return nil
		case lostRace(err) || isLost(m):
			s.members.remove(r.Entry)
			return fmt.Errorf("finish the replay of %s: %w: %w", r.Ref, ErrClaimLost, err)
		case refusesData(err) && !bare:
			bare = true
			a := bareAttempt(a)
			a.Replay = true
			t.Attempt = &a
			t.Decision.Reason = fmt.Sprintf("replay %d: %s", r.Number, a.Outcome)
			continue
		}
		if ctx.Err() != nil || pause(ctx, s.cfg.PollEvery) != nil {
			s.members.keep(t)
			return fmt.Errorf("finish the replay of %s: kept for later: %w", r.Ref, err)
		}
	}
}

// finish is the transition that ends a replay.
func (s *Service) finish(r handlers.Replay, a handlers.Attempt, incarnation string) Transition {
	a.Replay = true
	t := Transition{
		EntryID: r.Entry, Version: r.Version, Claim: incarnation, To: StateHeld, Attempt: &a,
		Decision: Decision{Actor: s.systemActor(), Reason: fmt.Sprintf("replay %d: %s", r.Number, a.Outcome)},
	}
	switch a.Outcome {
	case handlers.OutcomeOK:
		t.To = StateReplayed
	case handlers.OutcomeInterrupted:
		t.To, t.Unclaim = StateReplaying, true
	default:
		why := title(handlers.Evidence{Attempt: a, Reason: handlers.ReasonFailed})
		t.Decision.Reason = clean(t.Decision.Reason+": "+why, 512)
	}
	return t
}

// transition asks the store for a change of this worker's. A change that it
// finds done already, because the answer to an earlier try was lost, counts as
// done.
func (s *Service) transition(ctx context.Context, t Transition) error {
	changed, err := within(ctx, s.cfg.WriteTimeout, "change the state of an entry", func(ctx context.Context) (Entry, error) {
		return s.store.Transition(ctx, t)
	})
	if conflict, ok := errors.AsType[*ConflictError](err); ok {
		now := conflict.Entry
		if now.Version == t.Version+1 && now.State == t.To && now.Claim == "" && now.Decided.Actor == t.Decision.Actor {
			changed, err = now, nil
		}
	}
	if err == nil {
		s.judge(changed, t)
	}
	return err
}

// deliverResults gives the store the results that it could not take before.
func (s *Service) deliverResults(ctx context.Context) {
	for _, t := range s.members.results() {
		err := s.transition(ctx, t)
		switch {
		case err == nil:
			s.members.remove(t.EntryID)
		case lostRace(err):
			s.members.remove(t.EntryID)
			s.log.Warn("quarantine: the result of a replay came too late and is not taken", "entry", t.EntryID, "error", err)
		}
	}
}
