package incidentpg

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac/theriac/incident"
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
func (s *Store) DuePages(ctx context.Context, after incident.Due, limit int) ([]incident.Due, error) {
	return s.due(ctx, "list due pages", sqlWatchPages, nullable(after.At), after.Number, max(limit, 0))
}

// DueNudges implements [incident.Watch].
func (s *Store) DueNudges(ctx context.Context, after incident.Due, limit int) ([]incident.Due, error) {
	return s.due(ctx, "list due nudges", sqlWatchNudges, nullable(after.At), after.Number, max(limit, 0))
}

func (s *Store) due(ctx context.Context, doing, statement string, args ...any) ([]incident.Due, error) {
	rows, err := list[dueRow](ctx, s, doing, statement, args...)
	if err != nil {
		return nil, err
	}
	return each(rows, dueRow.due)
}

// Sweepable implements [incident.Watch].
func (s *Store) Sweepable(ctx context.Context, after string, limit int) ([]incident.Due, error) {
	const doing = "list incidents to sweep"
	if !isOurs(after) {
		return nil, fmt.Errorf("%s: %w", doing, &incident.FieldError{Field: "cursor", Problem: fmt.Sprintf("%.40q is no id", after)})
	}
	return s.due(ctx, doing, sqlWatchSweep, after, max(limit, 0))
}
