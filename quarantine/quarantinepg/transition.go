package quarantinepg

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/internal/pgkit"
	"github.com/theriac/theriac/quarantine"
)

// Transition implements [quarantine.Store].
func (s *Store) Transition(ctx context.Context, t quarantine.Transition) (after quarantine.Entry, err error) {
	err = s.write(ctx, "change an entry", func(x tx) error {
		row, err := x.find(quarantine.EntryKey{ID: t.EntryID}, lockEntry)
		if err != nil {
			return err
		}
		if err := x.once(t.Request); err != nil {
			return err
		}
		all, err := x.transition([]entryRow{row}, func(quarantine.Entry) quarantine.Transition { return t })
		if err != nil {
			return err
		}
		after = all[0]
		return nil
	})
	if err != nil {
		return quarantine.Entry{}, err
	}
	return after, nil
}

// transition makes a change of each entry, whose rows are locked, with all that
// belongs to it: the attempt, the audit row, and last the groups' counts.
func (x tx) transition(rows []entryRow, next func(quarantine.Entry) quarantine.Transition) ([]quarantine.Entry, error) {
	var all []quarantine.Entry
	var b, audit pgx.Batch
	changes := make(map[int64]groupChange)
	for _, row := range rows {
		before, err := row.entry()
		if err != nil {
			return nil, err
		}
		t := next(before)
		after, err := t.Apply(before, row.ReadAt.UTC())
		if err != nil {
			return nil, err
		}
		all = append(all, after)
		move(&b, after)
		if t.Attempt != nil {
			var attempt attemptColumns
			attempt.add(row.Identity, *t.Attempt)
			queueAttempts(&b, attempt)
		}
		change := quarantine.AuditRow{EntryID: after.ID, Ref: after.Ref, From: before.State, To: after.State,
			Version: after.Version, Decision: t.Decision}
		change.Decision.At = after.ChangedAt
		queueAudit(&audit, change, row.GroupSeq, t.Request)
		changes[row.GroupSeq] = changes[row.GroupSeq].moved(before.State, after.State)
	}
	b.Queue(sqlGroupLock, slices.Collect(maps.Keys(changes)))
	b.QueuedQueries = append(b.QueuedQueries, audit.QueuedQueries...)
	queueCounts(&b, changes)
	return all, x.send(&b)
}

// moved is the change with one entry more that moved.
func (c groupChange) moved(from, to quarantine.State) groupChange {
	if c.counts == nil {
		c.counts = make(map[quarantine.State]int64)
	}
	c.counts[from]--
	c.counts[to]++
	if from != to {
		c.seen++
	}
	return c
}

// move queues what stores all that may change of an entry.
func move(batch *pgx.Batch, e quarantine.Entry) {
	d := e.Decided
	batch.Queue(sqlEntryMove, e.Seq, string(e.State), e.Version, e.ChangedAt, e.Replays, e.Claim,
		pgkit.Blob(d.Actor.Name), d.Actor.Via, d.Actor.Claimed, timestamp(d.At), pgkit.Blob(d.Reason), e.Alone)
}

// auditRow is a row of audit_list.sql.
type auditRow struct {
	N       int64      `db:"n"`
	EntryID string     `db:"entry_id"`
	Ref     string     `db:"ref"`
	From    string     `db:"from_state"`
	To      string     `db:"to_state"`
	Version int64      `db:"version"`
	Actor   []byte     `db:"actor"`
	Via     string     `db:"via"`
	Claimed bool       `db:"claimed"`
	At      time.Time  `db:"at"`
	Reason  []byte     `db:"reason"`
	Verb    string     `db:"verb"`
	Until   *time.Time `db:"until"`
}

// auditRows returns the rows that a filter selects.
func (x tx) auditRows(f *filter) (audit []quarantine.AuditRow, err error) {
	rows, err := collect[auditRow](x, f.apply(sqlAuditList), f.All()...)
	for _, r := range rows {
		row := quarantine.AuditRow{
			N: r.N, EntryID: r.EntryID, Ref: r.Ref, Version: r.Version,
			From: quarantine.State(r.From), To: quarantine.State(r.To),
			Decision: decision(r.Actor, r.Via, r.Claimed, &r.At, r.Reason),
			Until:    pgkit.TimeOf(r.Until),
		}
		audit = append(audit, row.WithVerb(r.Verb))
	}
	return audit, err
}

// Audit implements [quarantine.Store].
func (s *Store) Audit(ctx context.Context, entryID string, limit int) (audit []quarantine.AuditRow, err error) {
	err = s.read(ctx, "read the audit", func(x tx) error {
		audit = nil
		f := newFilter(max(0, limit))
		if entryID != "" {
			id, err := parseID(entryID)
			if err != nil {
				return nil // an entry that cannot be has no changes
			}
			f.And("entry_id = " + f.Arg(id))
		}
		f.And(noRefusal)
		f.desc = true
		audit, err = x.auditRows(f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return audit, nil
}
