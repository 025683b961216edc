package incidentpg

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/pgkit"
)

// savedRow is what became of one incident: where it stands now, or who holds a key
// that it wants.
type savedRow struct {
	Number       int64  `db:"number"`
	Version      int64  `db:"version"`
	Seq          int64  `db:"seq"`
	Holder       string `db:"holder"`
	HolderNumber int64  `db:"holder_number"`
	HolderKey    []byte `db:"holder_key"`
}

// err is the error of a row that says who holds a key.
func (r savedRow) err() error {
	if r.HolderNumber == 0 {
		return nil
	}
	return &incident.ExistsError{IncidentID: r.Holder, Ref: incident.Ref(r.HolderNumber), Key: string(r.HolderKey)}
}

// Create implements [incident.Store]. It is one statement.
func (s *Store) Create(ctx context.Context, inc incident.Incident, evs []incident.Event) (incident.Incident, error) {
	const doing = "create an incident"
	args, err := documentArgs(&inc)
	if err == nil {
		err = addEvents(args, inc.ID, evs)
	}
	if err != nil {
		return incident.Incident{}, fmt.Errorf("%s: %w", doing, err)
	}
	var row savedRow
	err = s.pool.Call(ctx, doing, func(ctx context.Context) error {
		if row, err = pgkit.One[savedRow](ctx, s.pool, sqlCreate, args); err != nil {
			return err
		}
		return row.err()
	})
	if err != nil {
		return incident.Incident{}, err
	}
	s.bell.ring()
	return incident.DecodeIncident(args["document"].([]byte), row.Number, row.Version, row.Seq)
}

// saving is one change on its way.
type saving struct {
	id        string
	change    incident.Change
	place     int // in the caller's order
	statement string
	args      pgx.NamedArgs
}

func newSaving(place int, c incident.Change) (saving, error) {
	v := saving{id: c.IncidentID, change: c, place: place, statement: sqlAppend, args: pgx.NamedArgs{}}
	if c.Incident != nil {
		args, err := documentArgs(c.Incident)
		if err != nil {
			return v, err
		}
		v.id, v.statement, v.args = c.Incident.ID, sqlSave, args
		v.args["expected"] = c.Expected
	}
	if !isOurs(v.id) {
		return v, notFound(v.id)
	}
	v.args["id"] = v.id
	return v, addEvents(v.args, v.id, c.Events)
}

// Save implements [incident.Store]. One change is one statement; several are a
// transaction of two round trips, so that each result can be looked at before any is
// committed.
func (s *Store) Save(ctx context.Context, changes ...incident.Change) ([]incident.Incident, error) {
	const doing = "save an incident"
	all := make([]saving, len(changes))
	for i, c := range changes {
		v, err := newSaving(i, c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		all[i] = v
	}
	// Locks are taken in one order, so that nobody waits in a circle.
	slices.SortStableFunc(all, func(a, b saving) int { return cmp.Compare(a.id, b.id) })
	saved := make([]incident.Incident, len(changes))
	err := s.pool.Call(ctx, doing, func(ctx context.Context) error {
		switch len(all) {
		case 0:
			return nil
		case 1:
			return all[0].alone(ctx, s, saved)
		}
		return together(ctx, s, all, saved)
	})
	if err != nil {
		return nil, err
	}
	if len(changes) > 0 {
		s.bell.ring()
	}
	return saved, nil
}

// alone saves a change that comes alone.
func (v saving) alone(ctx context.Context, s *Store, saved []incident.Incident) error {
	rows, err := pgkit.Collect[savedRow](ctx, s.pool, v.statement, v.args)
	if err != nil {
		return err
	}
	return v.note(ctx, s.pool, rows, saved)
}

// together saves all changes or none.
func together(ctx context.Context, s *Store, all []saving, saved []incident.Incident) error {
	return pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{}, func(tx pgx.Tx) error {
		var b pgx.Batch
		results := make([][]savedRow, len(all))
		b.Queue(sqlSaveLock, pgkit.Column(all, func(v saving) string { return v.id }))
		for _, v := range all {
			if v.change.Incident != nil {
				b.Queue(sqlSaveFree, v.id, v.args["keys"])
			}
		}
		for i, v := range all {
			b.Queue(v.statement, v.args).Query(func(rows pgx.Rows) (err error) {
				results[i], err = pgx.CollectRows(rows, pgx.RowToStructByName[savedRow])
				return err
			})
		}
		if err := tx.SendBatch(ctx, &b).Close(); err != nil {
			return err
		}
		for i, v := range all {
			if err := v.note(ctx, tx, results[i], saved); err != nil {
				return err
			}
		}
		return nil
	})
}

// note puts the incident as it now stands in its place, or says why it was not saved.
func (v saving) note(ctx context.Context, q pgkit.Querier, rows []savedRow, saved []incident.Incident) error {
	if len(rows) == 0 {
		return v.refusal(ctx, q)
	}
	row := rows[0]
	if err := row.err(); err != nil {
		return err
	}
	if v.change.Incident == nil {
		saved[v.place] = incident.Incident{ID: v.id, Number: row.Number, Version: row.Version, Seq: row.Seq}
		return nil
	}
	inc, err := incident.DecodeIncident(v.args["document"].([]byte), row.Number, row.Version, row.Seq)
	saved[v.place] = inc
	return err
}

// latestRow is an incident's version and the event that came last.
type latestRow struct {
	Number  int64  `db:"number"`
	Version int64  `db:"version"`
	Body    []byte `db:"body"`
}

// refusal says why nothing moved: no such incident, or another version.
func (v saving) refusal(ctx context.Context, q pgkit.Querier) error {
	latest, err := pgkit.One[latestRow](ctx, q, sqlSaveLatest, v.id)
	if pgkit.IsNone(err) {
		return notFound(v.id)
	} else if err != nil {
		return err
	}
	conflict := &incident.ConflictError{Ref: incident.Ref(latest.Number), Version: latest.Version,
		What: fmt.Sprintf("it is at version %d, not %d any more", latest.Version, v.change.Expected)}
	if len(latest.Body) > 0 {
		e, err := incident.DecodeEvent(latest.Body)
		if err != nil {
			return fmt.Errorf("%s: %w", conflict.Ref, err)
		}
		conflict.By, conflict.At = e.Actor, e.RecordedAt
	}
	return conflict
}
