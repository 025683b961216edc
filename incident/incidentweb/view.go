package incidentweb

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
)

// incidentView is an incident as it is shown: the document, without the keys that made things happen
// once, and with what can be done to it now and what should be said of it by now.
type incidentView struct {
	incident.Incident
	Ref     string         `json:"ref"`
	Stage   incident.Stage `json:"stage"`
	Allowed []string       `json:"allowed"`
	Missing []string       `json:"missing,omitempty"`
	controlsView
}

// viewOf returns how an incident is shown. Where the settings cannot be read nothing is said to be missing.
func (c *call) viewOf(inc incident.Incident) incidentView {
	v := incidentView{Incident: inc, Ref: inc.Ref(), Stage: inc.Status.Stage(), Allowed: list(incident.AllowedVerbs(inc.Status))}
	v.Keys, v.Later = nil, nil
	if rules, err := c.api.svc.Settings(c.ctx()); err == nil {
		v.Missing = inc.Missing(rules)
	}
	return v
}

func (c *call) shown(inc incident.Incident) answer {
	return answer{body: c.viewOf(inc), etag: etag(inc.Version)}
}

// sees reports whether the caller may see an incident. A token takes part in nothing, so a private one
// is for admins alone.
func (c *call) sees(inc *incident.Incident) bool {
	return inc.Visibility != incident.Private || c.by.Role.Allows(incident.Admin)
}

// look loads an incident for the caller. One that they may not see is not there.
func (c *call) look() (incident.Incident, error) { return c.lookAt(c.path("ref")) }

func (c *call) lookAt(ref string) (incident.Incident, error) {
	inc, err := c.get(ref)
	if err != nil {
		return incident.Incident{}, err
	}
	return inc, c.witness(&inc)
}

// get loads an incident that the caller may see.
func (c *call) get(ref string) (incident.Incident, error) {
	inc, err := c.api.stores.Get(c.ctx(), ref)
	if errors.Is(err, incident.ErrNotFound) || (err == nil && !c.sees(&inc)) {
		return incident.Incident{}, &absentError{ref}
	}
	return inc, err
}

// absentError says that an incident is not there for the caller. It says so in the same words of one that
// they may not see, since other words would tell them that it is there.
type absentError struct{ ref string }

// Error names what was asked for.
func (e *absentError) Error() string { return fmt.Sprintf("incident %.80q: not found", e.ref) }

// Unwrap returns [incident.ErrNotFound].
func (e *absentError) Unwrap() error { return incident.ErrNotFound }

// witness writes into a private incident that the caller looked at it, once an hour for each. Whoever
// cannot be written down does not get to see it.
func (c *call) witness(inc *incident.Incident) error {
	if inc.Visibility != incident.Private {
		return nil
	}
	hour := c.api.Now().UTC().Truncate(time.Hour).Format(time.RFC3339)
	act, err := c.api.svc.Act(c.ctx(), c.by, incident.WithKey("seen:"+c.by.ID+":"+hour))
	if err != nil {
		return err
	}
	doc := *inc // the event is saved without it
	evs, err := doc.NotePrivateSeen(act)
	if err == nil {
		err = c.api.svc.Note(c.ctx(), inc, evs...)
	}
	if errors.Is(err, incident.ErrDuplicate) {
		return nil
	}
	return err
}

// reveal answers with an incident as it stands after the caller did something to it. What they may not
// see, because it is private now, is named and not shown.
func (c *call) reveal(inc incident.Incident) (answer, error) {
	if !c.sees(&inc) {
		return answer{body: map[string]any{"id": inc.ID, "number": inc.Number, "ref": inc.Ref(), "visibility": inc.Visibility}}, nil
	}
	return c.shown(inc), c.witness(&inc)
}

// do runs a verb on the incident of the path, if the caller may see it, and answers with how it then
// stands. A request that came before is answered in the same way.
func (c *call) do(verb incident.Verb) (answer, error) {
	opts, err := c.options()
	if err != nil {
		return answer{}, err
	}
	seen := false
	inc, err := c.api.svc.Do(c.ctx(), c.path("ref"), c.by, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		if seen = c.sees(inc); !seen {
			return nil, incident.ErrNotFound
		}
		return verb(inc, act)
	}, opts...)
	if !seen && errors.Is(err, incident.ErrNotFound) {
		return answer{}, &absentError{c.path("ref")}
	}
	if err != nil {
		inc, err = c.repeated(err)
	}
	if err != nil {
		return answer{}, err
	}
	return c.reveal(inc)
}

// repeated looks at why a verb failed. If the same request was done before it returns how the incident
// stands: a verb that changed the status is refused the second time, and its caller may never have
// heard of the first. It also keeps the answer from telling of an incident that the caller may not
// see, since a version that does not fit is noticed before the verb can look.
func (c *call) repeated(failed error) (incident.Incident, error) {
	key, err := c.key()
	if err != nil || problem.Of(failed) != problem.Conflict {
		return incident.Incident{}, failed
	}
	inc, err := c.get(c.path("ref"))
	if err != nil {
		return incident.Incident{}, err
	}
	if key == "" {
		return incident.Incident{}, failed
	}
	done, err := c.happened(&inc, key)
	if err != nil || done == nil {
		return incident.Incident{}, cmp.Or(err, failed)
	}
	return inc, c.sameRequest(*done)
}

// happened looks for the event with a key in an incident's list, and returns nil if there is none. It goes
// through all of it, which only those who failed wait for.
func (c *call) happened(inc *incident.Incident, key string) (*incident.Event, error) {
	const most = 1000
	for after := int64(0); ; {
		page, err := c.api.stores.Events(c.ctx(), incident.EventFilter{IncidentID: inc.ID, AfterSeq: after, Limit: most})
		if err != nil {
			return nil, err
		}
		for _, e := range page.Events {
			if e.Key == key {
				return &e, nil
			}
			after = e.Seq
		}
		if len(page.Events) < most {
			return nil, nil
		}
	}
}
