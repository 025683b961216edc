package incidenttest

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac/theriac/incident"
)

// Claim implements [incident.Effects].
func (s *Store) Claim(ctx context.Context, c incident.Claim) (incident.ClaimResult, error) {
	if c.Key == "" {
		return incident.ClaimResult{}, &incident.FieldError{Field: "key", Problem: "an effect must have one"}
	}
	if err := s.lock(ctx); err != nil {
		return incident.ClaimResult{}, err
	}
	defer s.mu.Unlock()
	e := s.effects[c.Key]
	if e == nil {
		e = &incident.Effect{Key: c.Key}
		s.effects[c.Key] = e
		s.effectsOf[c.IncidentID] = append(s.effectsOf[c.IncidentID], e)
	}
	return e.Take(c, s.now()), nil
}

// Renew implements [incident.Effects].
func (s *Store) Renew(ctx context.Context, key string, attempt int, lease time.Duration) error {
	return s.leave(ctx, key, func(e *incident.Effect) error { return e.Renew(attempt, lease, s.now()) })
}

// Finish implements [incident.Effects].
func (s *Store) Finish(ctx context.Context, key string, attempt int, end incident.EffectEnd) error {
	return s.leave(ctx, key, func(e *incident.Effect) error {
		_, err := e.Finish(attempt, end, s.now())
		return err
	})
}

// Release implements [incident.Effects].
func (s *Store) Release(ctx context.Context, key string, attempt int, r incident.EffectRelease) error {
	return s.leave(ctx, key, func(e *incident.Effect) error {
		_, err := e.Release(attempt, r, s.now())
		return err
	})
}

func (s *Store) leave(ctx context.Context, key string, f func(*incident.Effect) error) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	e := s.effects[key]
	if e == nil {
		return fmt.Errorf("effect %.80q: %w", key, incident.ErrNotFound)
	}
	return f(e)
}

// EffectList implements [incident.Effects].
func (s *Store) EffectList(ctx context.Context, incidentID string) ([]incident.Effect, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var all []incident.Effect
	for _, e := range s.effectsOf[incidentID] {
		all = append(all, *e)
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
	return *e, nil
}
