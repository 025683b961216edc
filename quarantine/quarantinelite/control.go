package quarantinelite

import (
	"context"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/quarantine"
)

// controlRow is a row of control_list.sql.
type controlRow struct {
	Subscription string `db:"subscription"`
	Level        string `db:"level"`
	SetBy        []byte `db:"set_by"`
	SetVia       string `db:"set_via"`
	SetClaimed   bool   `db:"set_claimed"`
	SetAt        int64  `db:"set_at"`
	SetReason    []byte `db:"set_reason"`
	Until        int64  `db:"until"`
	Version      int64  `db:"version"`
}

func (r *controlRow) control() quarantine.Control {
	return quarantine.Control{
		Subscription: r.Subscription, Level: handlers.ShedLevel(r.Level), Until: litekit.TimeOf(r.Until), Version: r.Version,
		Ordered: decision(r.SetBy, r.SetVia, r.SetClaimed, r.SetAt, r.SetReason),
	}
}

// controls returns what is in force.
func (x *tx) controls() (quarantine.Controls, error) {
	version, err := litekit.Value[int64](x, sqlControlVersion)
	if err != nil {
		return quarantine.Controls{}, err
	}
	rows, err := litekit.Collect[controlRow](x, sqlControlList)
	if err != nil {
		return quarantine.Controls{}, err
	}
	all := make([]quarantine.Control, len(rows))
	for i := range rows {
		all[i] = rows[i].control()
	}
	return quarantine.NewControls(version, x.Now, all), nil
}

// Controls implements [quarantine.ControlStore].
func (s *Store) Controls(ctx context.Context) (c quarantine.Controls, err error) {
	err = s.read(ctx, "read controls", func(x *tx) error {
		c, err = x.controls()
		return err
	})
	if err != nil {
		return quarantine.Controls{}, err
	}
	return c, nil
}

// ControlAct implements [quarantine.ControlStore].
func (s *Store) ControlAct(ctx context.Context, a quarantine.ControlAct) (after quarantine.Controls, err error) {
	err = s.write(ctx, "change controls", func(x *tx) error {
		if err := x.once(a.Request); err != nil {
			return err
		}
		before, err := x.controls()
		if err != nil {
			return err
		}
		if after, err = a.Apply(before, x.Now); err != nil {
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
func (x *tx) control(a quarantine.ControlAct, after quarantine.Controls) error {
	if _, err := x.Exec(sqlControlRaise, after.Version); err != nil {
		return err
	}
	if _, err := x.Exec(sqlControlClear, a.Subscription, litekit.Micros(x.Now)); err != nil {
		return err
	}
	if c, ok := a.Set(after); ok {
		d := c.Ordered
		if _, err := x.Exec(sqlControlSet, c.Subscription, string(c.Level),
			blob(d.Actor.Name), d.Actor.Via, d.Actor.Claimed, litekit.Micros(d.At), blob(d.Reason), litekit.Micros(c.Until), c.Version); err != nil {
			return err
		}
	}
	return x.audit(a.Audit(after), 0, a.Request)
}

// Confirm implements [quarantine.Membership].
func (m *membership) Confirm(ctx context.Context, version int64, obeyed map[string]handlers.Obeyed) error {
	return m.store.write(ctx, "confirm controls", func(x *tx) error {
		n, err := x.Exec(sqlWorkerConfirm, m.worker.Incarnation, version, quarantine.EncodeObeyed(obeyed))
		if err == nil && n == 0 {
			err = m.ended()
		}
		return err
	})
}
