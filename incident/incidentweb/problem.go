package incidentweb

import (
	"errors"
	"net/http"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/webkit"
)

// retryAfter is when a caller may come again after the store was away.
const retryAfter = 5 * time.Second

// fail answers with what went wrong.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError {
		a.Logger.ErrorContext(r.Context(), "a request failed", "method", r.Method, "route", r.Pattern, "status", p.Status, "err", err)
	}
	p.Write(w)
}

// problemOf turns an error into an answer. The status is that of its kind in the table of
// internal/problem; what a caller can act on comes along.
func problemOf(err error) *webkit.Problem {
	var ready *webkit.Problem
	if errors.As(err, &ready) {
		return ready
	}
	p := &webkit.Problem{Status: problem.Of(err).HTTPStatus(), Detail: err.Error()}
	switch kind := problem.Of(err); kind {
	case problem.Unavailable:
		p.Code, p.Detail, p.RetryAfter = "unavailable", "the store cannot be reached, or did not answer in time", retryAfter
	case problem.Invalid, problem.Refused, problem.Conflict:
		p.Code = string(kind)
	case problem.NotFound:
		p.Code = "not_found"
	case problem.NotAllowed:
		p.Code = "not_allowed"
	case problem.Interrupted:
		p.Code = "interrupted"
	default:
		p.Code, p.Detail = "internal", "it went wrong here; it is in the log"
		return p
	}
	detail(p, err)
	return p
}

// detail adds what the domain's own errors know.
func detail(p *webkit.Problem, err error) {
	var (
		transition *incident.TransitionError
		conflict   *incident.ConflictError
		exists     *incident.ExistsError
		gate       *incident.GateError
		field      *incident.FieldError
	)
	switch {
	case errors.As(err, &transition):
		p.Code = "transition"
		p.More = map[string]any{"from": transition.From, "verb": transition.Verb, "allowed": list(transition.Allowed)}
		if transition.To != "" {
			p.More["to"] = transition.To
		}
	case errors.As(err, &gate):
		p.Code = "gate"
		p.More = map[string]any{"open": openOf(gate)}
	case errors.As(err, &exists):
		p.Code = "exists"
		p.More = map[string]any{"incident": exists.Ref, "incident_id": exists.IncidentID}
	case errors.As(err, &conflict):
		p.More = conflictOf(conflict)
	case errors.As(err, &field):
		p.More = map[string]any{"field": webkit.Shown(field.Field), "fields": fieldsOf(err)}
	case errors.Is(err, incident.ErrTooLarge):
		p.Code = "incident_too_large"
	}
}

// conflictOf says who was first, as far as that is known.
func conflictOf(e *incident.ConflictError) map[string]any {
	more := map[string]any{}
	if e.Version > 0 {
		more["version"] = e.Version
	}
	if e.By != (incident.Actor{}) {
		more["by"] = e.By
	}
	if !e.At.IsZero() {
		more["at"] = e.At
	}
	return more
}

// openOf lists what keeps an incident from closing.
func openOf(gate *incident.GateError) []map[string]string {
	open := []map[string]string{}
	for _, e := range gate.Entries {
		open = append(open, map[string]string{"kind": "entry", "id": e.Ref, "text": e.Title})
	}
	for _, t := range gate.Tasks {
		open = append(open, map[string]string{"kind": "task", "id": t.ID, "text": t.Text})
	}
	for _, f := range gate.Fields {
		open = append(open, map[string]string{"kind": "field", "id": f})
	}
	return open
}

// fieldsOf returns every FieldError in an error, since settings are checked as a whole.
func fieldsOf(err error) []map[string]string {
	found := []map[string]string{}
	var collect func(error)
	collect = func(err error) {
		switch e := err.(type) { //nolint:errorlint // it walks the tree itself
		case *incident.FieldError:
			found = append(found, map[string]string{"field": webkit.Shown(e.Field), "problem": e.Problem})
		case interface{ Unwrap() []error }:
			for _, one := range e.Unwrap() {
				collect(one)
			}
		case interface{ Unwrap() error }:
			collect(e.Unwrap())
		}
	}
	collect(err)
	return found
}

// list is an empty list where there is none, since JSON's null is neither.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
