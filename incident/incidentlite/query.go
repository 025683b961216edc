package incidentlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/internal/sqlrows"
)

// incidentRow is a document with what stands beside it.
type incidentRow struct {
	Number  int64  `db:"number"`
	Version int64  `db:"version"`
	Seq     int64  `db:"seq"`
	Doc     []byte `db:"doc"`
}

func (r incidentRow) incident() (incident.Incident, error) {
	return incident.DecodeIncident(r.Doc, r.Number, r.Version, r.Seq)
}

// Get implements [incident.Store].
func (s *Store) Get(ctx context.Context, ref string) (incident.Incident, error) {
	number, _ := incident.ParseRef(ref)
	return s.get(ctx, "get "+ref, sqlIncidentGet, ref, number)
}

// ByKey implements [incident.Store].
func (s *Store) ByKey(ctx context.Context, key string) (incident.Incident, error) {
	return s.get(ctx, "get an incident by its key", sqlIncidentOfKey, key)
}

func (s *Store) get(ctx context.Context, doing, statement string, args ...any) (incident.Incident, error) {
	var row incidentRow
	err := s.read(ctx, doing, func(x *tx) (err error) {
		row, err = litekit.One[incidentRow](x, statement, args...)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("incident %.80q: %w", args[0], incident.ErrNotFound)
		}
		return err
	})
	if err != nil {
		return incident.Incident{}, err
	}
	return row.incident()
}

// List implements [incident.Store].
func (s *Store) List(ctx context.Context, f incident.Filter) (incident.Page, error) {
	cursor, err := incident.ParseCursor(f.Cursor)
	if err != nil {
		return incident.Page{}, err
	}
	q := litekit.NewFilter(f.PageSize() + 1)
	if cursor != 0 {
		q.And("i.number < " + q.Arg(cursor))
	}
	narrow(q, f)
	var rows []incidentRow
	err = s.read(ctx, "list incidents", func(x *tx) (err error) {
		rows, err = sqlrows.Collect[incidentRow](x.Composed(q.Apply(sqlIncidentList), q.Args()...))
		return err
	})
	if err != nil {
		return incident.Page{}, err
	}
	var page incident.Page
	if size := f.PageSize(); len(rows) > size {
		rows = rows[:size]
		page.Next = strconv.FormatInt(rows[size-1].Number, 10)
	}
	for _, r := range rows {
		inc, err := r.incident()
		if err != nil {
			return incident.Page{}, err
		}
		page.Incidents = append(page.Incidents, inc)
	}
	return page, nil
}

// narrow adds the conditions of a filter, but those of its page.
func narrow(q *litekit.Filter, f incident.Filter) {
	if statuses, some := f.Wanted(); some {
		litekit.In(q, "i.status", statuses)
	}
	if len(f.Severities) > 0 {
		litekit.In(q, "i.severity", f.Severities)
	}
	if len(f.Modes) > 0 {
		litekit.In(q, "i.mode", f.Modes)
	}
	if f.Text != "" {
		q.And("instr(i.search, " + q.Arg(incident.FoldText(f.Text)) + ") > 0")
	}
	if f.Field != "" {
		q.And("EXISTS (SELECT 1 FROM incident_field f WHERE f.number = i.number AND f.field = " + q.Arg(f.Field) +
			" AND f.value = " + q.Arg(f.Value) + ")")
	}
	if f.Person != "" {
		q.And(takesPart(q, f.Person))
	}
	if !f.For.SeesAll() {
		q.And("(i.visibility <> " + q.Arg(string(incident.Private)) + " OR " + takesPart(q, f.For.Person) + ")")
	}
}

func takesPart(q *litekit.Filter, person string) string {
	return "EXISTS (SELECT 1 FROM incident_person p WHERE p.number = i.number AND p.person = " + q.Arg(person) + ")"
}

// Events implements [incident.Store].
func (s *Store) Events(ctx context.Context, f incident.EventFilter) (incident.EventPage, error) {
	q := litekit.NewFilter(f.PageSize() + 1)
	if f.IncidentID == "" {
		q.Order = "e.id"
		q.And("e.id > " + q.Arg(f.Cursor))
	} else {
		cursor, err := incident.ParseCursor(f.Cursor)
		if err != nil {
			return incident.EventPage{}, err
		}
		q.Order = "e.seq"
		q.And("e.incident_id = " + q.Arg(f.IncidentID))
		q.And("e.seq > " + q.Arg(max(f.AfterSeq, cursor)))
	}
	narrowEvents(q, f)
	var bodies [][]byte
	err := s.read(ctx, "read events", func(x *tx) (err error) {
		bodies, err = litekit.Scan[[]byte](x.Composed(q.Apply(sqlEventList), q.Args()...))
		return err
	})
	if err != nil {
		return incident.EventPage{}, err
	}
	var page incident.EventPage
	size := f.PageSize()
	for _, body := range bodies[:min(len(bodies), size)] {
		e, err := incident.DecodeEvent(body)
		if err != nil {
			return incident.EventPage{}, err
		}
		page.Events = append(page.Events, e)
	}
	if len(bodies) > size {
		page.Next = page.Events[size-1].ID
		if f.IncidentID != "" {
			page.Next = strconv.FormatInt(page.Events[size-1].Seq, 10)
		}
	}
	return page, nil
}

func narrowEvents(q *litekit.Filter, f incident.EventFilter) {
	if len(f.Types) > 0 {
		litekit.In(q, "e.type", f.Types)
	}
	if f.Actor != "" {
		q.And("e.actor = " + q.Arg(f.Actor))
	}
	if !f.Since.IsZero() {
		q.And("e.recorded_at >= " + q.Arg(litekit.Micros(f.Since)))
	}
	if !f.Until.IsZero() {
		q.And("e.recorded_at < " + q.Arg(litekit.Micros(f.Until)))
	}
}
