package quarantinepg

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/pgkit"
	"github.com/theriac/theriac/quarantine"
)

// controlRow is a row of control_list.sql.
type controlRow struct {
	Subscription string     `db:"subscription"`
	Level        string     `db:"level"`
	SetBy        []byte     `db:"set_by"`
	SetVia       string     `db:"set_via"`
	SetClaimed   bool       `db:"set_claimed"`
	SetAt        time.Time  `db:"set_at"`
	SetReason    []byte     `db:"set_reason"`
	Until        *time.Time `db:"until"`
	Version      int64      `db:"version"`
}

func (r *controlRow) control() quarantine.Control {
	return quarantine.Control{
		Subscription: r.Subscription, Level: handlers.ShedLevel(r.Level), Until: pgkit.TimeOf(r.Until), Version: r.Version,
		Ordered: decision(r.SetBy, r.SetVia, r.SetClaimed, &r.SetAt, r.SetReason),
	}
}

// versionRow is the row of control_version.sql and control_lock.sql.
type versionRow struct {
	Version int64     `db:"version"`
	At      time.Time `db:"at"`
}

// controls returns what is in force, by the version and time that a statement reads.
func (x tx) controls(statement string) (quarantine.Controls, error) {
	versions, err := collect[versionRow](x, statement)
	if err == nil && len(versions) == 0 {
		err = pgx.ErrNoRows // somebody emptied the table
	}
	if err != nil {
		return quarantine.Controls{}, err
	}
	rows, err := collect[controlRow](x, sqlControlList)
	if err != nil {
		return quarantine.Controls{}, err
	}
	all := make([]quarantine.Control, len(rows))
	for i := range rows {
		all[i] = rows[i].control()
	}
	return quarantine.NewControls(versions[0].Version, versions[0].At.UTC(), all), nil
}

// Controls implements [quarantine.ControlStore].
func (s *Store) Controls(ctx context.Context) (c quarantine.Controls, err error) {
	err = s.read(ctx, "read controls", func(x tx) error {
		c, err = x.controls(sqlControlVersion)
		return err
	})
	if err != nil {
		return quarantine.Controls{}, err
	}
	return c, nil
}

// ControlAct implements [quarantine.ControlStore]. The row of the version is locked,
// so that acts come one after the other.
func (s *Store) ControlAct(ctx context.Context, a quarantine.ControlAct) (after quarantine.Controls, err error) {
	if err := quarantine.CheckRequest(a.Request); err != nil {
		return quarantine.Controls{}, err
	}
	err = s.write(ctx, "change controls", func(x tx) error {
		before, err := x.controls(sqlControlLock)
		if err != nil {
			return err
		}
		if err := x.once(a.Request); err != nil {
			return err
		}
		if after, err = a.Apply(before, before.At); err != nil {
			return err
		}
		return x.control(a, after)
	})
	if err != nil {
		return quarantine.Controls{}, err
	}
	return after, nil
}

// control stores what an act made.
func (x tx) control(a quarantine.ControlAct, after quarantine.Controls) error {
	var b pgx.Batch
	b.Queue(sqlControlRaise, after.Version)
	b.Queue(sqlControlClear, a.Subscription, after.At)
	if c, ok := a.Set(after); ok {
		d := c.Ordered
		b.Queue(sqlControlSet, c.Subscription, string(c.Level), pgkit.Blob(d.Actor.Name), d.Actor.Via, d.Actor.Claimed,
			d.At, pgkit.Blob(d.Reason), timestamp(c.Until), c.Version)
	}
	queueAudit(&b, a.Audit(after), 0, a.Request)
	return x.send(&b)
}

// Confirm implements [quarantine.Membership]. It goes through the pool, as Snapshot
// does.
func (m *membership) Confirm(ctx context.Context, version int64, obeyed map[string]handlers.Obeyed) error {
	encoded := quarantine.EncodeObeyed(obeyed)
	return m.store.pool.Call(ctx, "confirm controls", func(ctx context.Context) error {
		tag, err := m.store.pool.Exec(ctx, sqlWorkerConfirm, m.worker.Incarnation, version, encoded)
		if err == nil && tag.RowsAffected() == 0 {
			err = m.ended()
		}
		return err
	})
}
