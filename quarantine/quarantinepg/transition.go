package quarantinepg

import (
	"context"
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
		after, err = x.transition(row, t)
		return err
	})
	if err != nil {
		return quarantine.Entry{}, err
	}
	return after, nil
}

// transition makes a change with all that belongs to it: the group's counts,
// the audit row, the attempt.
func (x tx) transition(row entryRow, t quarantine.Transition) (quarantine.Entry, error) {
	before, err := row.entry()
	if err != nil {
		return quarantine.Entry{}, err
	}
	after, err := t.Apply(before, row.ReadAt.UTC())
	if err != nil {
		return quarantine.Entry{}, err
	}
	if t.Attempt != nil { // before the group, as everywhere
		if err := x.addAttempt(row.Identity, *t.Attempt); err != nil {
			return quarantine.Entry{}, err
		}
	}
	var batch pgx.Batch
	move(&batch, after)
	if before.State != after.State {
		batch.Queue(sqlGroupMove, row.GroupSeq, string(before.State), string(after.State))
	}
	d := t.Decision
	batch.Queue(sqlAuditAdd, after.ID, after.Ref, string(before.State), string(after.State), after.Version,
		blob(d.Actor.Name), d.Actor.Via, d.Actor.Claimed, blob(d.Reason))
	return after, x.send(&batch)
}

// move queues what stores all that may change of an entry.
func move(batch *pgx.Batch, e quarantine.Entry) {
	d := e.Decided
	at := &d.At
	if at.IsZero() {
		at = nil
	}
	batch.Queue(sqlEntryMove, e.Seq, string(e.State), e.Version, e.ChangedAt, e.Replays, e.Claim,
		blob(d.Actor.Name), d.Actor.Via, d.Actor.Claimed, at, blob(d.Reason))
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
