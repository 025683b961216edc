package incidentlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/theriac/theriac/incident"
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
		row, err = one[incidentRow](x, statement, args...)
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
	q := newFilter(f.PageSize() + 1)
	if cursor != 0 {
		q.and("i.number < " + q.arg(cursor))
	}
	narrow(q, f)
	var rows []incidentRow
	err = s.read(ctx, "list incidents", func(x *tx) (err error) {
		rows, err = sqlrows.Collect[incidentRow](x.sql.QueryContext(ctx, q.apply(sqlIncidentList), q.args...))
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
func narrow(q *filter, f incident.Filter) {
	if statuses, some := f.Wanted(); some {
		in(q, "i.status", statuses)
	}
	if len(f.Severities) > 0 {
		in(q, "i.severity", f.Severities)
	}
	if len(f.Modes) > 0 {
		in(q, "i.mode", f.Modes)
	}
	if f.Text != "" {
		q.and("instr(i.search, " + q.arg(incident.FoldText(f.Text)) + ") > 0")
	}
	if f.Field != "" {
		q.and("EXISTS (SELECT 1 FROM incident_field f WHERE f.number = i.number AND f.field = " + q.arg(f.Field) +
			" AND f.value = " + q.arg(f.Value) + ")")
	}
	if f.Person != "" {
		q.and(takesPart(q, f.Person))
	}
	if !f.For.SeesAll() {
		q.and("(i.visibility <> " + q.arg(string(incident.Private)) + " OR " + takesPart(q, f.For.Person) + ")")
	}
}

func takesPart(q *filter, person string) string {
	return "EXISTS (SELECT 1 FROM incident_person p WHERE p.number = i.number AND p.person = " + q.arg(person) + ")"
}

// Events implements [incident.Store].
func (s *Store) Events(ctx context.Context, f incident.EventFilter) (incident.EventPage, error) {
	q := newFilter(f.PageSize() + 1)
	if f.IncidentID == "" {
		q.order = "e.id"
		q.and("e.id > " + q.arg(f.Cursor))
	} else {
		cursor, err := incident.ParseCursor(f.Cursor)
		if err != nil {
			return incident.EventPage{}, err
		}
		q.order = "e.seq"
		q.and("e.incident_id = " + q.arg(f.IncidentID))
		q.and("e.seq > " + q.arg(max(f.AfterSeq, cursor)))
	}
	narrowEvents(q, f)
	var bodies [][]byte
	err := s.read(ctx, "read events", func(x *tx) (err error) {
		bodies, err = composed[[]byte](x, q.apply(sqlEventList), q.args...)
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

func narrowEvents(q *filter, f incident.EventFilter) {
	if len(f.Types) > 0 {
		in(q, "e.type", f.Types)
	}
	if f.Actor != "" {
		q.and("e.actor = " + q.arg(f.Actor))
	}
	if !f.Since.IsZero() {
		q.and("e.recorded_at >= " + q.arg(micros(f.Since)))
	}
	if !f.Until.IsZero() {
		q.and("e.recorded_at < " + q.arg(micros(f.Until)))
	}
}
