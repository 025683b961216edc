package incidentlite

import (
	"context"
	"math"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/litekit"
)

// Now implements [incident.Watch].
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	if err := context.Cause(ctx); err != nil {
		return time.Time{}, classify("ask for the time", ctx.Err())
	}
	return litekit.Kept(s.clock()), nil
}

// dueRow is the row of due_pages.sql.
type dueRow struct {
	ID     string `db:"id"`
	Number int64  `db:"number"`
	At     int64  `db:"at"`
}

// DuePages implements [incident.Watch].
func (s *Store) DuePages(ctx context.Context, after incident.Due, limit int) ([]incident.Due, error) {
	return s.due(ctx, "look for pages that are due", sqlDuePages, between(after, limit))
}

// DueNudges implements [incident.Watch].
func (s *Store) DueNudges(ctx context.Context, after incident.Due, limit int) ([]incident.Due, error) {
	return s.due(ctx, "look for nudges that are due", sqlDueNudges, between(after, limit))
}

// between are the arguments for what is due by now and comes after another one.
func between(after incident.Due, limit int) func(time.Time) []any {
	from := int64(math.MinInt64) // times before 1970 are negative
	if !after.At.IsZero() {
		from = litekit.Micros(after.At)
	}
	return func(now time.Time) []any { return []any{litekit.Micros(now), from, after.Number, max(limit, 0)} }
}

func (s *Store) due(ctx context.Context, doing, statement string, args func(now time.Time) []any) (all []incident.Due, err error) {
	err = s.read(ctx, doing, func(x *tx) error {
		rows, err := litekit.Collect[dueRow](x, statement, args(x.Now)...)
		for _, r := range rows {
			all = append(all, incident.Due{IncidentID: r.ID, Number: r.Number, At: litekit.TimeOf(r.At)})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Sweepable implements [incident.Watch].
func (s *Store) Sweepable(ctx context.Context, after string, limit int) ([]incident.Due, error) {
	return s.due(ctx, "look for incidents to sweep", sqlSweepable, func(now time.Time) []any {
		return []any{litekit.Micros(now.Add(-48 * time.Hour)), after, max(limit, 0)}
	})
}

// mostFindings bounds the findings of one kind.
const mostFindings = 100

// findingRow is a finding as all audit_….sql return it.
type findingRow struct {
	Subject string `db:"subject"`
	Number  int64  `db:"number"`
	Since   int64  `db:"since"`
	Count   int    `db:"count"`
}

// Audit implements [incident.Watch].
func (s *Store) Audit(ctx context.Context, limits incident.AuditLimits) (all []incident.Finding, err error) {
	err = s.read(ctx, "audit", func(x *tx) error {
		for _, question := range []struct {
			kind      incident.FindingKind
			statement string
			limit     time.Duration
			args      []any
		}{
			{incident.PagedWithoutIncident, sqlAuditAlerts, limits.Alert, []any{incident.TopicAlerts, mostFindings, litekit.Micros(x.Now.Add(-incident.AlertMaxAge))}},
			{incident.PageNotSent, sqlAuditPages, limits.Page, []any{mostFindings}},
			{incident.EscalationLate, sqlAuditLate, limits.Escalation, []any{mostFindings}},
			{incident.NoChannel, sqlAuditChannels, limits.Channel, []any{mostFindings}},
			{incident.NotPublished, sqlAuditUnpublished, limits.Publish, nil},
		} {
			before := litekit.Micros(x.Now.Add(-question.limit))
			rows, err := litekit.Collect[findingRow](x, question.statement, append([]any{before}, question.args...)...)
			if err != nil {
				return err
			}
			for _, r := range rows {
				all = append(all, r.finding(question.kind))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (r findingRow) finding(kind incident.FindingKind) incident.Finding {
	f := incident.Finding{Kind: kind, Subject: r.Subject, Since: litekit.TimeOf(r.Since), Count: r.Count}
	if r.Number != 0 {
		f.Ref = incident.Ref(r.Number)
	}
	return f
}

// Prune implements [incident.Watch]. One call deletes at most 100.
func (s *Store) Prune(ctx context.Context, limit int) (int, error) {
	limit = min(max(limit, 0), batch)
	var rows, effects []int64
	err := s.read(ctx, "look for what is old", func(x *tx) (err error) {
		if rows, err = litekit.Values[int64](x, sqlPruneInboundFind, litekit.Micros(x.Now.AddDate(0, 0, -30)), limit); err != nil {
			return err
		}
		effects, err = litekit.Values[int64](x, sqlPruneEffectFind, litekit.Micros(x.Now.AddDate(0, 0, -90)), limit-len(rows))
		return err
	})
	if err != nil || len(rows)+len(effects) == 0 {
		return 0, err
	}
	var n int64
	err = s.write(ctx, "delete what is old", func(x *tx) error {
		some, err := x.Exec(sqlPruneInbound, list(rows))
		if err != nil {
			return err
		}
		more, err := x.Exec(sqlPruneEffect, list(effects))
		n = some + more
		return err
	})
	if err != nil {
		return 0, err
	}
	return int(n), nil
}
