package incidentpg

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/pgkit"
)

// Now implements [incident.Watch].
func (s *Store) Now(ctx context.Context) (now time.Time, err error) {
	err = s.pool.Call(ctx, "ask for the time", func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, "SELECT now()").Scan(&now)
	})
	return now.UTC(), err
}

// dueRow is an incident whose time has come.
type dueRow struct {
	ID     string    `db:"id"`
	Number int64     `db:"number"`
	At     time.Time `db:"at"`
}

func (r dueRow) due() (incident.Due, error) {
	return incident.Due{IncidentID: r.ID, Number: r.Number, At: r.At.UTC()}, nil
}

// DuePages implements [incident.Watch].
func (s *Store) DuePages(ctx context.Context, limit int) ([]incident.Due, error) {
	return s.due(ctx, "list due pages", sqlWatchPages, limit)
}

// DueNudges implements [incident.Watch].
func (s *Store) DueNudges(ctx context.Context, limit int) ([]incident.Due, error) {
	return s.due(ctx, "list due nudges", sqlWatchNudges, limit)
}

func (s *Store) due(ctx context.Context, doing, statement string, limit int) ([]incident.Due, error) {
	rows, err := list[dueRow](ctx, s, doing, statement, max(limit, 0))
	if err != nil {
		return nil, err
	}
	return each(rows, dueRow.due)
}

// Sweepable implements [incident.Watch].
func (s *Store) Sweepable(ctx context.Context, after string, limit int) (ids []string, err error) {
	const doing = "list incidents to sweep"
	if !isOurs(after) {
		return nil, fmt.Errorf("%s: %w", doing, &incident.FieldError{Field: "cursor", Problem: fmt.Sprintf("%.40q is no id", after)})
	}
	err = s.pool.Call(ctx, doing, func(ctx context.Context) error {
		ids, err = pgkit.Values[string](ctx, s.pool, sqlWatchSweep, after, max(limit, 0))
		return err
	})
	return ids, err
}
