package incidentweb

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/webkit"
)

// query reads the query of a request and remembers what is wrong with it. Only names that were asked
// for are known.
type query struct {
	values url.Values
	known  []string
	err    error
}

func (c *call) query() (*query, error) {
	values, err := url.ParseQuery(c.req.URL.RawQuery)
	if err != nil {
		return nil, &incident.FieldError{Field: "query", Problem: "it is malformed"}
	}
	return &query{values: values}, nil
}

func (q *query) text(name string) string {
	q.known = append(q.known, name)
	if len(q.values[name]) > 1 {
		q.fail(name, "it stands there twice")
	}
	return q.values.Get(name)
}

// many returns values that may come as ?a=1&a=2 or as ?a=1,2.
func (q *query) many(name string) []string {
	q.known = append(q.known, name)
	var all []string
	for _, v := range q.values[name] {
		for one := range strings.SplitSeq(v, ",") {
			if one != "" {
				all = append(all, one)
			}
		}
	}
	return all
}

func (q *query) number(name string, limit int64) int64 {
	text := q.text(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > limit {
		q.fail(name, fmt.Sprintf("want a number from 0 to %d", limit))
	}
	return n
}

func (q *query) yes(name string) bool {
	switch q.text(name) {
	case "", "false":
		return false
	case "true":
		return true
	default:
		q.fail(name, "want true or false")
		return false
	}
}

func (q *query) fail(name, problem string) {
	if q.err == nil {
		q.err = &incident.FieldError{Field: name, Problem: problem}
	}
}

// end returns what was wrong. A name that nobody asked for is a typing mistake, and a filter that is
// not applied shows what its author did not ask for.
func (q *query) end() error {
	for name := range q.values {
		if !slices.Contains(q.known, name) {
			q.fail(webkit.Shown(name), "is not known here; known: "+strings.Join(q.known, ", "))
		}
	}
	return q.err
}

// oneOf turns texts into values of a list that is known.
func oneOf[T ~string](q *query, name string, known ...T) []T {
	var all []T
	for _, text := range q.many(name) {
		if !slices.Contains(known, T(text)) {
			q.fail(name, fmt.Sprintf("%s is not one of %v", webkit.Shown(text), known))
		}
		all = append(all, T(text))
	}
	return all
}

// listIncidents answers with a page. Private incidents are on it only where an admin asks for them,
// and then each of them notes the look.
func (c *call) listIncidents() (answer, error) {
	q, err := c.query()
	if err != nil {
		return answer{}, err
	}
	f := incident.Filter{
		Statuses:   oneOf(q, "status", incident.Statuses()...),
		Stages:     oneOf(q, "stage", incident.Stages()...),
		Severities: q.many("severity"),
		Modes:      oneOf(q, "mode", incident.ModeStandard, incident.ModeTest, incident.ModeRetrospective),
		Text:       q.text("text"), Person: q.text("person"),
		Limit: int(q.number("limit", 200)), Cursor: q.text("cursor"),
		For: &incident.Reader{Role: incident.Viewer},
	}
	// A custom field is written field=service:checkout.
	if field := q.text("field"); field != "" {
		var ok bool
		if f.Field, f.Value, ok = strings.Cut(field, ":"); !ok {
			q.fail("field", "want id:value")
		}
	}
	if q.yes("private") {
		f.For.Role = c.by.Role
	}
	if err := q.end(); err != nil {
		return answer{}, err
	}
	page, err := c.api.stores.List(c.ctx(), f)
	if err != nil {
		return answer{}, err
	}
	views := make([]incidentView, len(page.Incidents))
	for i := range page.Incidents {
		if err := c.witness(&page.Incidents[i]); err != nil {
			return answer{}, err
		}
		views[i] = c.viewOf(page.Incidents[i])
	}
	return answer{body: map[string]any{"incidents": views, "next": page.Next}}, nil
}

func (c *call) getIncident() (answer, error) {
	inc, err := c.look()
	if err != nil {
		return answer{}, err
	}
	view := c.viewOf(inc)
	if inc.Status.Open() {
		view.controlsView = c.api.controls(c.ctx())
	}
	return answer{body: view, etag: etag(inc.Version)}, nil
}

// eventView is an event as the timeline shows it.
type eventView struct {
	incident.Event
	// Line is the event in one line of plain text.
	Line string `json:"line"`
}

// timeline answers with events after a number, oldest first: those that people read, as they stand now, or
// all of them as they were written down. Edits stay in the list, so that who reads on after a number hears
// that something before it has changed.
func (c *call) timeline() (answer, error) {
	q, err := c.query()
	if err != nil {
		return answer{}, err
	}
	f := incident.EventFilter{AfterSeq: q.number("after", 1<<62), Limit: int(q.number("limit", 1000))}
	all := q.yes("all")
	if err := q.end(); err != nil {
		return answer{}, err
	}
	inc, err := c.look()
	if err != nil {
		return answer{}, err
	}
	f.IncidentID = inc.ID
	page, err := c.api.stores.Events(c.ctx(), f)
	if err != nil {
		return answer{}, err
	}
	events, last := page.Events, f.AfterSeq
	if n := len(events); n > 0 {
		last = events[n-1].Seq
	}
	if !all {
		if events, err = c.asEdited(page, last); err != nil {
			return answer{}, err
		}
	}
	views := []eventView{}
	for _, e := range events {
		if trait, ok := incident.TraitOf(e.Type); all || ok && trait.Timeline {
			e.Key = ""
			views = append(views, eventView{Event: e, Line: incident.Line(e)})
		}
	}
	body := map[string]any{"events": views, "more": page.Next != ""}
	if page.Next != "" {
		body["after"] = last
	}
	return answer{body: body}, nil
}

// asEdited returns a page that ends with a number as it stands by all edits, also those that come later.
func (c *call) asEdited(page incident.EventPage, last int64) ([]incident.Event, error) {
	events := slices.Clone(page.Events)
	for more := page.Next != ""; more; {
		later, err := c.api.stores.Events(c.ctx(), incident.EventFilter{
			IncidentID: events[0].IncidentID, AfterSeq: events[len(events)-1].Seq, Limit: 1000,
			Types: []incident.EventType{incident.EvItemEdited, incident.EvItemRemoved},
		})
		if err != nil {
			return nil, err
		}
		events = append(events, later.Events...)
		more = later.Next != "" && len(later.Events) > 0
	}
	return slices.DeleteFunc(incident.AsEdited(events), func(e incident.Event) bool { return e.Seq > last }), nil
}

// effectView is an effect as it is shown. Keys name channels and people, results what came of it.
type effectView struct {
	Key        string               `json:"key"`
	State      incident.EffectState `json:"state"`
	Attempt    int                  `json:"attempt"`
	InDoubt    bool                 `json:"in_doubt,omitempty"`
	ExternalID string               `json:"external_id,omitempty"`
	Result     string               `json:"result,omitempty"`
	Claimed    time.Time            `json:"claimed,omitzero"`
	Finished   time.Time            `json:"finished,omitzero"`
	LeaseUntil time.Time            `json:"lease_until,omitzero"`
	NotBefore  time.Time            `json:"not_before,omitzero"`
}

func (c *call) effects() (answer, error) {
	inc, err := c.look()
	if err != nil {
		return answer{}, err
	}
	effects, err := c.api.stores.EffectList(c.ctx(), inc.ID)
	if err != nil {
		return answer{}, err
	}
	views := make([]effectView, len(effects))
	for i, e := range effects {
		views[i] = effectView{
			Key: e.Key, State: e.State, Attempt: e.Attempt, InDoubt: e.InDoubt, ExternalID: e.ExternalID, Result: e.Result,
			Claimed: e.Claimed, Finished: e.Finished, LeaseUntil: e.LeaseUntil, NotBefore: e.NotBefore,
		}
	}
	return answer{body: map[string]any{"effects": views}}, nil
}
