package incidentlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/litekit"
)

// effectRow is an effect as effect_get.sql returns it.
type effectRow struct {
	Key        string `db:"key"`
	IncidentID string `db:"incident_id"`
	EventID    string `db:"event_id"`
	State      string `db:"state"`
	Attempt    int    `db:"attempt"`
	InDoubt    bool   `db:"in_doubt"`
	ExternalID string `db:"external_id"`
	Result     string `db:"result"`
	Claimed    int64  `db:"claimed_at"`
	Finished   int64  `db:"finished_at"`
	LeaseUntil int64  `db:"lease_until"`
	NotBefore  int64  `db:"not_before"`
}

func (r effectRow) effect() incident.Effect {
	return incident.Effect{Key: r.Key, IncidentID: r.IncidentID, EventID: r.EventID, State: incident.EffectState(r.State),
		Attempt: r.Attempt, InDoubt: r.InDoubt, ExternalID: r.ExternalID, Result: r.Result, Claimed: litekit.TimeOf(r.Claimed),
		Finished: litekit.TimeOf(r.Finished), LeaseUntil: litekit.TimeOf(r.LeaseUntil), NotBefore: litekit.TimeOf(r.NotBefore)}
}

// effect returns an effect, or an error that wraps incident.ErrNotFound.
func (x *tx) effect(key string) (incident.Effect, error) {
	row, err := litekit.One[effectRow](x, sqlEffectGet, key)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("effect %.80q: %w", key, incident.ErrNotFound)
	}
	return row.effect(), err
}

func (x *tx) putEffect(e incident.Effect) error {
	_, err := x.Exec(sqlEffectPut, e.Key, e.IncidentID, e.EventID, string(e.State), e.Attempt, e.InDoubt, e.ExternalID, e.Result,
		litekit.Micros(e.Claimed), litekit.Micros(e.Finished), litekit.Micros(e.LeaseUntil), litekit.Micros(e.NotBefore))
	return err
}

// Claim implements [incident.Effects].
func (s *Store) Claim(ctx context.Context, c incident.Claim) (r incident.ClaimResult, err error) {
	if c.Key == "" {
		return r, &incident.FieldError{Field: "key", Problem: "an effect must have one"}
	}
	err = s.write(ctx, "claim an effect", func(x *tx) error {
		e, err := x.effect(c.Key)
		if errors.Is(err, incident.ErrNotFound) {
			e, err = incident.Effect{Key: c.Key}, nil
		}
		if err != nil {
			return err
		}
		if r = e.Take(c, x.Now); !r.Mine {
			return nil
		}
		return x.putEffect(e)
	})
	if err != nil {
		return incident.ClaimResult{}, err
	}
	return r, nil
}

// Renew implements [incident.Effects].
func (s *Store) Renew(ctx context.Context, key string, attempt int, lease time.Duration) error {
	return s.leave(ctx, "renew a claim", key, func(x *tx, e *incident.Effect) (bool, error) {
		err := e.Renew(attempt, lease, x.Now)
		return err == nil, err
	})
}

// Finish implements [incident.Effects].
func (s *Store) Finish(ctx context.Context, key string, attempt int, end incident.EffectEnd) error {
	return s.leave(ctx, "finish an effect", key, func(x *tx, e *incident.Effect) (bool, error) {
		return e.Finish(attempt, end, x.Now)
	})
}

// Release implements [incident.Effects].
func (s *Store) Release(ctx context.Context, key string, attempt int, r incident.EffectRelease) error {
	return s.leave(ctx, "release an effect", key, func(x *tx, e *incident.Effect) (bool, error) {
		return e.Release(attempt, r, x.Now)
	})
}

func (s *Store) leave(ctx context.Context, doing, key string, f func(*tx, *incident.Effect) (bool, error)) error {
	return s.write(ctx, doing, func(x *tx) error {
		e, err := x.effect(key)
		if err != nil {
			return err
		}
		changed, err := f(x, &e)
		if err != nil || !changed {
			return err
		}
		return x.putEffect(e)
	})
}

// EffectList implements [incident.Effects].
func (s *Store) EffectList(ctx context.Context, incidentID string) (all []incident.Effect, err error) {
	err = s.read(ctx, "list effects", func(x *tx) error {
		rows, err := litekit.Collect[effectRow](x, sqlEffectList, incidentID)
		for _, r := range rows {
			all = append(all, r.effect())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Effect implements [incident.Effects].
func (s *Store) Effect(ctx context.Context, key string) (e incident.Effect, err error) {
	err = s.read(ctx, "get an effect", func(x *tx) (err error) {
		e, err = x.effect(key)
		return err
	})
	if err != nil {
		return incident.Effect{}, err
	}
	return e, nil
}
