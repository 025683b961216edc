package incidenttest

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac/theriac/incident"
)

// effect is a row of the table of effects.
type effect struct{ incident.Effect }

const usualClaim = 30 * time.Second

// Claim implements [incident.Effects].
func (s *Store) Claim(ctx context.Context, c incident.Claim) (incident.ClaimResult, error) {
	if c.Key == "" {
		return incident.ClaimResult{}, &incident.FieldError{Field: "key", Problem: "an effect must have one"}
	}
	if err := s.lock(ctx); err != nil {
		return incident.ClaimResult{}, err
	}
	defer s.mu.Unlock()
	now := s.now()
	e := s.effects[c.Key]
	if e == nil {
		e = &effect{incident.Effect{Key: c.Key, IncidentID: c.IncidentID, State: incident.EffectWaiting}}
		s.effects[c.Key] = e
		s.effectsOf[c.IncidentID] = append(s.effectsOf[c.IncidentID], e)
	}
	result := e.claim(c, now)
	result.Effect = e.Effect
	return result, nil
}

func (e *effect) claim(c incident.Claim, now time.Time) (r incident.ClaimResult) {
	switch {
	case e.State == incident.EffectDone:
		r.Done = true
	case e.State == incident.EffectFailed:
		r.Failed = true
	case e.State == incident.EffectClaimed && e.LeaseUntil.After(now):
		r.Wait = e.LeaseUntil.Sub(now)
	case e.State == incident.EffectWaiting && e.NotBefore.After(now):
		r.Wait = e.NotBefore.Sub(now)
	default:
		r.Mine = true
		e.InDoubt = e.InDoubt || e.State == incident.EffectClaimed // its owner died
		e.State, e.Claimed, e.NotBefore = incident.EffectClaimed, now, time.Time{}
		e.Attempt++
		if c.Lease <= 0 {
			c.Lease = usualClaim
		}
		e.LeaseUntil = now.Add(c.Lease)
		if c.EventID != "" {
			e.EventID = c.EventID
		}
	}
	return r
}

// Finish implements [incident.Effects].
func (s *Store) Finish(ctx context.Context, key string, attempt int, end incident.EffectEnd) error {
	state := incident.EffectDone
	if end.Failed {
		state = incident.EffectFailed
	}
	return s.leave(ctx, key, attempt, state, func(e *effect, now time.Time) {
		e.ExternalID, e.Result, e.Finished, e.InDoubt = end.ExternalID, end.Result, now, false
	})
}

// Release implements [incident.Effects].
func (s *Store) Release(ctx context.Context, key string, attempt int, r incident.EffectRelease) error {
	return s.leave(ctx, key, attempt, incident.EffectWaiting, func(e *effect, now time.Time) {
		e.InDoubt, e.Result = r.InDoubt, r.Result
		if r.NotBefore > 0 {
			e.NotBefore = now.Add(r.NotBefore)
		}
	})
}

// leave ends a claim. What its own attempt said before may be said again.
func (s *Store) leave(ctx context.Context, key string, attempt int, to incident.EffectState, f func(*effect, time.Time)) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	e := s.effects[key]
	switch {
	case e == nil:
		return fmt.Errorf("effect %.80q: %w", key, incident.ErrNotFound)
	case e.Attempt == attempt && e.State == to:
		return nil
	case e.Attempt != attempt || e.State != incident.EffectClaimed:
		return fmt.Errorf("effect %.80q is %s in attempt %d, and this is attempt %d: %w",
			key, e.State, e.Attempt, attempt, incident.ErrConflict)
	}
	e.State, e.LeaseUntil = to, time.Time{}
	f(e, s.now())
	return nil
}

// EffectList implements [incident.Effects].
func (s *Store) EffectList(ctx context.Context, incidentID string) ([]incident.Effect, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var all []incident.Effect
	for _, e := range s.effectsOf[incidentID] {
		all = append(all, e.Effect)
	}
	return all, nil
}

// Effect implements [incident.Effects].
func (s *Store) Effect(ctx context.Context, key string) (incident.Effect, error) {
	if err := s.lock(ctx); err != nil {
		return incident.Effect{}, err
	}
	defer s.mu.Unlock()
	e := s.effects[key]
	if e == nil {
		return incident.Effect{}, fmt.Errorf("effect %.80q: %w", key, incident.ErrNotFound)
	}
	return e.Effect, nil
}
