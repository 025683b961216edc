package incidentpg

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/pgkit"
)

// claimLease is how long an owner may take who does not say how long.
const claimLease = 30 * time.Second

// effectRow is an effect as it is read.
type effectRow struct {
	Mine       bool       `db:"mine"`
	Now        time.Time  `db:"now"`
	Key        []byte     `db:"key"`
	IncidentID string     `db:"incident_id"`
	EventID    string     `db:"event_id"`
	State      string     `db:"state"`
	Attempt    int        `db:"attempt"`
	InDoubt    bool       `db:"in_doubt"`
	ExternalID []byte     `db:"external_id"`
	Result     []byte     `db:"result"`
	ClaimedAt  time.Time  `db:"claimed_at"`
	LeaseUntil *time.Time `db:"lease_until"`
	NotBefore  *time.Time `db:"not_before"`
	FinishedAt *time.Time `db:"finished_at"`
}

func (r effectRow) effect() incident.Effect {
	return incident.Effect{Key: string(r.Key), IncidentID: r.IncidentID, EventID: r.EventID, State: incident.EffectState(r.State),
		Attempt: r.Attempt, InDoubt: r.InDoubt, ExternalID: string(r.ExternalID), Result: string(r.Result),
		Claimed: r.ClaimedAt.UTC(), Finished: pgkit.TimeOf(r.FinishedAt), LeaseUntil: pgkit.TimeOf(r.LeaseUntil), NotBefore: pgkit.TimeOf(r.NotBefore)}
}

// wait is how long what is not the caller's lasts still, 0 if it could be claimed now.
func (r effectRow) wait() time.Duration {
	until := r.NotBefore
	if r.State == string(incident.EffectClaimed) {
		until = r.LeaseUntil
	}
	return max(0, pgkit.TimeOf(until).Sub(r.Now))
}

// Claim implements [incident.Effects]. It is one statement; what somebody else did with
// the effect while it ran makes it run again.
func (s *Store) Claim(ctx context.Context, c incident.Claim) (incident.ClaimResult, error) {
	const doing, tries = "claim an effect", 10
	if c.Key == "" {
		return incident.ClaimResult{}, fmt.Errorf("%s: %w", doing, &incident.FieldError{Field: "key", Problem: "an effect must have one"})
	}
	if c.Lease <= 0 {
		c.Lease = claimLease
	}
	for range tries {
		rows, err := list[effectRow](ctx, s, doing, sqlEffectClaim, pgkit.Blob(c.Key), c.IncidentID, c.EventID, c.Lease)
		if err != nil {
			return incident.ClaimResult{}, err
		}
		if len(rows) == 0 {
			continue
		}
		r := incident.ClaimResult{Effect: rows[0].effect(), Mine: rows[0].Mine}
		r.Done, r.Failed = r.Effect.State == incident.EffectDone, r.Effect.State == incident.EffectFailed
		if r.Mine || r.Done || r.Failed {
			return r, nil
		}
		if r.Wait = rows[0].wait(); r.Wait > 0 {
			return r, nil
		}
	}
	return incident.ClaimResult{}, fmt.Errorf("%s: %w: others were faster each time", doing, incident.ErrUnavailable)
}

// Renew implements [incident.Effects].
func (s *Store) Renew(ctx context.Context, key string, attempt int, lease time.Duration) error {
	if lease <= 0 {
		lease = claimLease
	}
	n, err := s.exec(ctx, "renew a claim", sqlEffectRenew, pgkit.Blob(key), attempt, lease)
	return s.lost(ctx, key, n, err)
}

// Finish implements [incident.Effects].
func (s *Store) Finish(ctx context.Context, key string, attempt int, e incident.EffectEnd) error {
	state := incident.EffectDone
	if e.Failed {
		state = incident.EffectFailed
	}
	n, err := s.exec(ctx, "finish an effect", sqlEffectFinish, pgkit.Blob(key), attempt, string(state), pgkit.Blob(e.ExternalID), pgkit.Blob(e.Result))
	return s.lost(ctx, key, n, err)
}

// Release implements [incident.Effects].
func (s *Store) Release(ctx context.Context, key string, attempt int, r incident.EffectRelease) error {
	var notBefore *time.Duration
	if r.NotBefore > 0 {
		notBefore = &r.NotBefore
	}
	n, err := s.exec(ctx, "release an effect", sqlEffectRelease, pgkit.Blob(key), attempt, r.InDoubt, pgkit.Blob(r.Result), notBefore)
	return s.lost(ctx, key, n, err)
}

// lost says why nothing was changed: the effect is somebody else's by now, or never was.
func (s *Store) lost(ctx context.Context, key string, changed int64, err error) error {
	if err != nil || changed > 0 {
		return err
	}
	if _, err := s.Effect(ctx, key); err != nil {
		return err
	}
	return fmt.Errorf("effect %.200q: %w", key, incident.ErrConflict)
}

// EffectList implements [incident.Effects].
func (s *Store) EffectList(ctx context.Context, incidentID string) ([]incident.Effect, error) {
	if !isOurs(incidentID) {
		return nil, nil
	}
	rows, err := list[effectRow](ctx, s, "list effects", sqlEffectList, incidentID)
	if len(rows) == 0 {
		return nil, err
	}
	return pgkit.Column(rows, effectRow.effect), err
}

// Effect implements [incident.Effects].
func (s *Store) Effect(ctx context.Context, key string) (incident.Effect, error) {
	row, err := find[effectRow](ctx, s, "get an effect", key, sqlEffectGet, pgkit.Blob(key))
	if err != nil {
		return incident.Effect{}, err
	}
	return row.effect(), nil
}
