package incidentpg

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/pgkit"
)

// mostFindings bounds the findings of one kind.
const mostFindings = 100

// findingRow is a thing that is not as it should be.
type findingRow struct {
	Subject []byte    `db:"subject"`
	Number  int64     `db:"number"` // 0 where it is about no incident
	Since   time.Time `db:"since"`
	Count   int       `db:"count"`
}

func (r findingRow) finding(kind incident.FindingKind) incident.Finding {
	f := incident.Finding{Kind: kind, Subject: string(r.Subject), Since: r.Since.UTC(), Count: r.Count}
	if r.Number > 0 {
		f.Ref = incident.Ref(r.Number)
	}
	return f
}

// Audit implements [incident.Watch]. Of each kind it returns the 100 oldest, of what is
// not published the oldest with how many there are.
func (s *Store) Audit(ctx context.Context, limits incident.AuditLimits) (all []incident.Finding, err error) {
	err = s.pool.Call(ctx, "audit", func(ctx context.Context) error {
		var b pgx.Batch
		var found []incident.Finding
		for _, q := range audits(limits) {
			b.Queue(q.statement, q.args...).Query(func(rows pgx.Rows) error {
				list, err := pgx.CollectRows(rows, pgx.RowToStructByName[findingRow])
				found = slices.Concat(found, pgkit.Column(list, func(r findingRow) incident.Finding { return r.finding(q.kind) }))
				return err
			})
		}
		err := s.pool.SendBatch(ctx, &b).Close()
		all = found
		return err
	})
	return all, err
}

// audit is one question.
type audit struct {
	kind      incident.FindingKind
	statement string
	args      []any
}

func audits(limits incident.AuditLimits) []audit {
	over := []incident.EventType{incident.EvLevelDue, incident.EvLevelNotified, incident.EvAcked, incident.EvExhausted,
		incident.EvEscCancelled, incident.EvEscResolved}
	begun := []incident.EventType{incident.EvDeclared, incident.EvAccepted, incident.EvReopened}
	live := []incident.Stage{incident.StageActive, incident.StagePaused}
	return []audit{
		{incident.PagedWithoutIncident, sqlAuditAlerts, []any{incident.TopicAlerts, limits.Alert, mostFindings, incident.AlertMaxAge}},
		{incident.PageNotSent, sqlAuditPages, []any{string(incident.EvLevelDue), pgkit.Texts(over), limits.Page, mostFindings}},
		{incident.EscalationLate, sqlAuditLate, []any{limits.Escalation, mostFindings}},
		{incident.NoChannel, sqlAuditChannels, []any{pgkit.Texts(live), pgkit.Texts(begun), limits.Channel, mostFindings}},
		{incident.NotPublished, sqlAuditOutbox, []any{limits.Publish}},
	}
}

// Prune implements [incident.Watch]. What was not published is not deleted.
func (s *Store) Prune(ctx context.Context, limit int) (n int, err error) {
	err = s.pool.Call(ctx, "prune", func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, sqlPrune, max(limit, 0)).Scan(&n)
	})
	return n, err
}
