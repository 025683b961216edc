package quarantinepg

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/quarantine"
)

// Transition implements [quarantine.Store].
func (s *Store) Transition(ctx context.Context, t quarantine.Transition) (after quarantine.Entry, err error) {
	err = s.write(ctx, "change an entry", func(x tx) error {
		row, err := x.find(quarantine.EntryKey{ID: t.EntryID}, lockEntry)
		if err != nil {
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
	var b pgx.Batch
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
		d := t.Decision
		b.Queue(sqlAuditAdd, after.ID, after.Ref, string(before.State), string(after.State), after.Version,
			blob(d.Actor.Name), d.Actor.Via, d.Actor.Claimed, blob(d.Reason), after.ChangedAt)
		if changes[row.GroupSeq].counts == nil {
			changes[row.GroupSeq] = groupChange{counts: make(map[quarantine.State]int64)}
		}
		changes[row.GroupSeq].counts[before.State]--
		changes[row.GroupSeq].counts[after.State]++
	}
	b.Queue(sqlGroupLock, slices.Collect(maps.Keys(changes)))
	queueCounts(&b, changes)
	return all, x.send(&b)
}

// move queues what stores all that may change of an entry.
func move(batch *pgx.Batch, e quarantine.Entry) {
	d := e.Decided
	at := &d.At
	if at.IsZero() {
		at = nil
	}
	batch.Queue(sqlEntryMove, e.Seq, string(e.State), e.Version, e.ChangedAt, e.Replays, e.Claim,
		blob(d.Actor.Name), d.Actor.Via, d.Actor.Claimed, at, blob(d.Reason), e.Alone)
}

// auditRow is a row of audit_list.sql.
type auditRow struct {
	EntryID string    `db:"entry_id"`
	Ref     string    `db:"ref"`
	From    string    `db:"from_state"`
	To      string    `db:"to_state"`
	Version int64     `db:"version"`
	Actor   []byte    `db:"actor"`
	Via     string    `db:"via"`
	Claimed bool      `db:"claimed"`
	At      time.Time `db:"at"`
	Reason  []byte    `db:"reason"`
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
			f.and("entry_id = " + f.arg(id))
		}
		rows, err := collect[auditRow](x, f.apply(sqlAuditList), f.all()...)
		for _, r := range rows {
			audit = append(audit, quarantine.AuditRow{
				EntryID: r.EntryID, Ref: r.Ref, Version: r.Version,
				From: quarantine.State(r.From), To: quarantine.State(r.To),
				Decision: quarantine.Decision{
					Actor: quarantine.Actor{Name: string(r.Actor), Via: r.Via, Claimed: r.Claimed},
					At:    r.At.UTC(), Reason: string(r.Reason),
				},
			})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return audit, nil
}
