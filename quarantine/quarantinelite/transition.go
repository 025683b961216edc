package quarantinelite

import (
	"context"
	"fmt"

	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/quarantine"
)

// Transition implements [quarantine.Store].
func (s *Store) Transition(ctx context.Context, t quarantine.Transition) (after quarantine.Entry, err error) {
	err = s.write(ctx, "change an entry", func(x *tx) error {
		row, err := x.find(quarantine.EntryKey{ID: t.EntryID})
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
func (x *tx) transition(row entryRow, t quarantine.Transition) (quarantine.Entry, error) {
	if err := x.once(t.Request); err != nil {
		return quarantine.Entry{}, err
	}
	before, err := row.entry()
	if err != nil {
		return quarantine.Entry{}, err
	}
	after, err := t.Apply(before, x.Now)
	if err != nil {
		return quarantine.Entry{}, err
	}
	if err := x.move(after); err != nil {
		return quarantine.Entry{}, err
	}
	if before.State != after.State {
		if _, err := x.Exec(sqlGroupMove, row.GroupSeq, string(before.State), string(after.State), litekit.Micros(x.Now)); err != nil {
			return quarantine.Entry{}, err
		}
	}
	change := quarantine.AuditRow{EntryID: after.ID, Ref: after.Ref, From: before.State, To: after.State,
		Version: after.Version, Decision: t.Decision}
	change.Decision.At = x.Now
	err = x.audit(change, row.GroupSeq, t.Request)
	if err != nil || t.Attempt == nil {
		return after, err
	}
	identity := [32]byte(row.Identity)
	n, err := litekit.Value[int64](x, sqlMessageAttempted, identity[:])
	if err != nil {
		return quarantine.Entry{}, err
	}
	return after, x.addAttempt(identity, n, *t.Attempt)
}

// move stores what may change of an entry.
func (x *tx) move(e quarantine.Entry) error {
	d := e.Decided
	_, err := x.Exec(sqlEntryMove, e.Seq, string(e.State), e.Version, litekit.Micros(e.ChangedAt), e.Replays, e.Claim,
		blob(d.Actor.Name), d.Actor.Via, d.Actor.Claimed, litekit.Micros(d.At), blob(d.Reason), e.Alone)
	return err
}

// audit stores that an entry of a group, the group, or what is in force was changed.
func (x *tx) audit(row quarantine.AuditRow, group int64, request string) error {
	d := row.Decision
	_, err := x.Exec(sqlAuditAdd, row.EntryID, row.Ref, string(row.From), string(row.To), row.Version,
		blob(d.Actor.Name), d.Actor.Via, d.Actor.Claimed, litekit.Micros(d.At), blob(d.Reason),
		group, row.VerbText(), litekit.Micros(row.Until), blob(request))
	return err
}

// auditRow is a row of audit_list.sql.
type auditRow struct {
	N       int64  `db:"n"`
	EntryID string `db:"entry_id"`
	Ref     string `db:"ref"`
	From    string `db:"from_state"`
	To      string `db:"to_state"`
	Version int64  `db:"version"`
	Actor   []byte `db:"actor"`
	Via     string `db:"via"`
	Claimed bool   `db:"claimed"`
	At      int64  `db:"at"`
	Reason  []byte `db:"reason"`
	Verb    string `db:"verb"`
	Until   int64  `db:"until"`
}

// Audit implements [quarantine.Store].
func (s *Store) Audit(ctx context.Context, entryID string, limit int) (audit []quarantine.AuditRow, err error) {
	err = s.read(ctx, "read the audit", func(x *tx) error {
		f := litekit.NewFilter(max(0, limit))
		if entryID != "" {
			f.And("entry_id = " + f.Arg(entryID))
		}
		f.And(noRefusal)
		f.Order = newest
		audit, err = x.auditRows(f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return audit, nil
}

// auditRows returns the rows that a filter selects.
func (x *tx) auditRows(f *litekit.Filter) (audit []quarantine.AuditRow, err error) {
	rows, err := litekit.Collect[auditRow](x, f.Apply(sqlAuditList), f.Args()...)
	for _, r := range rows {
		row := quarantine.AuditRow{
			N: r.N, EntryID: r.EntryID, Ref: r.Ref, Version: r.Version,
			From: quarantine.State(r.From), To: quarantine.State(r.To),
			Decision: decision(r.Actor, r.Via, r.Claimed, r.At, r.Reason),
			Until:    litekit.TimeOf(r.Until),
		}
		audit = append(audit, row.WithVerb(r.Verb))
	}
	return audit, err
}

// ClaimReplay implements [quarantine.Store].
func (s *Store) ClaimReplay(ctx context.Context, subscription, incarnation string) (e quarantine.Entry, err error) {
	// Workers ask every second and mostly in vain, so it is only read first.
	err = s.read(ctx, "look for a replay", func(x *tx) error {
		_, err := x.claimable(subscription, incarnation)
		return err
	})
	if err != nil {
		return quarantine.Entry{}, err
	}
	err = s.write(ctx, "claim a replay", func(x *tx) error {
		row, err := x.claimable(subscription, incarnation)
		if err != nil {
			return err
		}
		if e, err = row.entry(); err != nil {
			return err
		}
		e = e.Claimed(incarnation, x.Now)
		if err := x.move(e); err != nil {
			return err
		}
		e.Message.Data, err = x.payload(e.Seq)
		return err
	})
	if err != nil {
		return quarantine.Entry{}, err
	}
	return e, nil
}

// claimable returns the oldest unclaimed replay for a living incarnation.
func (x *tx) claimable(subscription, incarnation string) (entryRow, error) {
	if alive, err := litekit.Value[int](x, sqlWorkerAlive, incarnation); err != nil {
		return entryRow{}, err
	} else if alive == 0 {
		return entryRow{}, fmt.Errorf("incarnation %q: %w", incarnation, quarantine.ErrNoWorker)
	}
	f := litekit.NewFilter(1)
	f.And("e.subscription = " + f.Arg(subscription) + " AND e.state = 'replaying' AND e.claim = ''")
	rows, err := x.entries(f)
	if err != nil {
		return entryRow{}, err
	}
	if len(rows) == 0 {
		return entryRow{}, fmt.Errorf("replay of %q: %w", subscription, quarantine.ErrNotFound)
	}
	return rows[0], nil
}
