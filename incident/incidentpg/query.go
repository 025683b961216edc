package incidentpg

import (
	"context"
	"fmt"
	"strconv"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/pgkit"
)

// Get implements [incident.Store].
func (s *Store) Get(ctx context.Context, ref string) (incident.Incident, error) {
	const doing = "get an incident"
	if number, ok := incident.ParseRef(ref); ok {
		return s.findIncident(ctx, doing, ref, sqlIncidentByNumber, number)
	}
	if !isOurs(ref) {
		return incident.Incident{}, fmt.Errorf("%s: %w", doing, notFound(ref))
	}
	return s.findIncident(ctx, doing, ref, sqlIncidentByID, ref)
}

// ByKey implements [incident.Store].
func (s *Store) ByKey(ctx context.Context, key string) (incident.Incident, error) {
	return s.findIncident(ctx, "get the holder of a key", key, sqlIncidentByKey, pgkit.Blob(key))
}

func (s *Store) findIncident(ctx context.Context, doing, what, statement string, arg any) (incident.Incident, error) {
	row, err := find[incidentRow](ctx, s, doing, what, statement, arg)
	if err != nil {
		return incident.Incident{}, err
	}
	return row.incident()
}

// List implements [incident.Store]. A cursor is the number of the last incident of the
// page before.
func (s *Store) List(ctx context.Context, q incident.Filter) (incident.Page, error) {
	const doing = "list incidents"
	size := q.PageSize()
	f := pgkit.NewFilter(size + 1)
	if err := narrow(f, q); err != nil {
		return incident.Page{}, fmt.Errorf("%s: %w", doing, err)
	}
	rows, err := list[incidentRow](ctx, s, doing, apply(f, sqlIncidentList), f.All()...)
	if err != nil {
		return incident.Page{}, err
	}
	var page incident.Page
	if len(rows) > size {
		rows = rows[:size]
		page.Next = strconv.FormatInt(rows[size-1].Number, 10)
	}
	for _, r := range rows {
		inc, err := r.incident()
		if err != nil {
			return incident.Page{}, fmt.Errorf("%s: %w", doing, err)
		}
		page.Incidents = append(page.Incidents, inc)
	}
	return page, nil
}

// narrow adds the conditions of a filter.
func narrow(f *pgkit.Filter, q incident.Filter) error {
	after, err := incident.ParseCursor(q.Cursor)
	if err != nil {
		return err
	}
	if after > 0 {
		f.And("i.number < " + f.Arg(after))
	}
	in(f, "i.status", q.Statuses)
	in(f, "i.stage", q.Stages)
	in(f, "i.mode", q.Modes)
	if len(q.Severities) > 0 {
		f.And("i.severity = ANY (" + f.Arg(blobs(q.Severities)) + ")")
	}
	if q.Text != "" {
		f.And("position(" + f.Arg(pgkit.Blob(incident.FoldText(q.Text))) + "::bytea IN i.search) > 0")
	}
	if q.Field != "" {
		f.And(f.Arg(fieldBlob(q.Field, q.Value)) + "::bytea = ANY (i.fields)")
	}
	if q.Person != "" {
		f.And(f.Arg(pgkit.Blob(q.Person)) + "::bytea = ANY (i.people)")
	}
	if !q.For.SeesAll() {
		f.And("(i.visibility = 'public' OR " + f.Arg(pgkit.Blob(q.For.Person)) + "::bytea = ANY (i.people))")
	}
	return nil
}

// Events implements [incident.Store]. A cursor is the seq of the last event of the page
// before, or its id where events of all incidents are asked for.
func (s *Store) Events(ctx context.Context, q incident.EventFilter) (incident.EventPage, error) {
	const doing = "list events"
	size := q.PageSize()
	f := pgkit.NewFilter(size + 1)
	statement, err := narrowEvents(f, q)
	if err != nil {
		return incident.EventPage{}, fmt.Errorf("%s: %w", doing, err)
	}
	rows, err := list[eventRow](ctx, s, doing, apply(f, statement), f.All()...)
	if err != nil {
		return incident.EventPage{}, err
	}
	var page incident.EventPage
	more := len(rows) > size
	for _, r := range rows[:min(len(rows), size)] {
		e, err := r.event()
		if err != nil {
			return incident.EventPage{}, fmt.Errorf("%s: %w", doing, err)
		}
		page.Events = append(page.Events, e)
	}
	if last := len(page.Events) - 1; more && q.IncidentID != "" {
		page.Next = strconv.FormatInt(page.Events[last].Seq, 10)
	} else if more {
		page.Next = page.Events[last].ID
	}
	return page, nil
}

// narrowEvents adds the conditions of a filter and returns the statement that has the
// order it asks for.
func narrowEvents(f *pgkit.Filter, q incident.EventFilter) (statement string, err error) {
	statement = sqlEventList
	if q.IncidentID != "" {
		statement = sqlEventOf
		after, err := incident.ParseCursor(q.Cursor)
		if err != nil {
			return "", err
		}
		f.And("e.number = (SELECT number FROM theriac.incident WHERE id = " + f.Arg(q.IncidentID) + ")")
		f.And("e.seq > " + f.Arg(max(after, q.AfterSeq)))
	} else if q.Cursor != "" {
		f.And("e.id > " + f.Arg(q.Cursor))
	}
	for _, id := range []string{q.IncidentID, q.Cursor} {
		if !isOurs(id) {
			return "", &incident.FieldError{Field: "filter", Problem: fmt.Sprintf("%.40q is no id", id)}
		}
	}
	in(f, "e.type", q.Types)
	if q.Actor != "" {
		f.And("e.actor = " + f.Arg(pgkit.Blob(q.Actor)))
	}
	if !q.Since.IsZero() {
		f.And("e.recorded_at >= " + f.Arg(bounded(q.Since)))
	}
	if !q.Until.IsZero() {
		f.And("e.recorded_at < " + f.Arg(bounded(q.Until)))
	}
	return statement, nil
}
