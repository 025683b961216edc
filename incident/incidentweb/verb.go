package incidentweb

import (
	"time"

	"github.com/theriac/theriac/incident"
)

// reasonBody is that of verbs which may, or must, say why. The domain says which must.
type reasonBody struct {
	Reason string `json:"reason"`
}

// nothing is the body of verbs that need none.
type nothing struct{}

// withReason makes a route of a verb that takes a reason.
func withReason(verb func(*incident.Incident, incident.Act, string) ([]incident.Event, error)) func(*call) (answer, error) {
	return func(c *call) (answer, error) {
		var b reasonBody
		if err := c.readMaybe(&b); err != nil {
			return answer{}, err
		}
		return c.do(func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return verb(inc, act, b.Reason)
		})
	}
}

// bare makes a route of a verb that takes nothing.
func bare(verb func(*incident.Incident, incident.Act) ([]incident.Event, error)) func(*call) (answer, error) {
	return func(c *call) (answer, error) {
		if err := c.readMaybe(&nothing{}); err != nil {
			return answer{}, err
		}
		return c.do(verb)
	}
}

// withBody makes a route of a verb that takes parameters.
func withBody[B any](verb func(inc *incident.Incident, act incident.Act, c *call, b *B) ([]incident.Event, error)) func(*call) (answer, error) {
	return func(c *call) (answer, error) {
		var b B
		if err := c.read(&b); err != nil {
			return answer{}, err
		}
		return c.do(func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return verb(inc, act, c, &b)
		})
	}
}

// acceptBody says more than that it is real.
type acceptBody struct {
	Name     string `json:"name"`
	Severity string `json:"severity"`
	Type     string `json:"type"`
	Quiet    bool   `json:"quiet"`
}

func (c *call) accept() (answer, error) {
	var b acceptBody
	if err := c.readMaybe(&b); err != nil {
		return answer{}, err
	}
	return c.do(func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Accept(act, incident.AcceptParams{Name: b.Name, Severity: b.Severity, Type: b.Type, Quiet: b.Quiet})
	})
}

func (c *call) resolve() (answer, error) {
	var b struct {
		Message string `json:"message"`
		Resume  bool   `json:"resume"`
	}
	if err := c.readMaybe(&b); err != nil {
		return answer{}, err
	}
	return c.do(func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, incident.ResolveParams{Message: b.Message, Resume: b.Resume})
	})
}

// mergeBody names the incident that it lives on in.
type mergeBody struct {
	Into   string `json:"into"`
	Reason string `json:"reason"`
}

// merge asks first whether the caller may see both. What becomes private between that and the merge
// was seen by them anyway.
func (c *call) merge() (answer, error) {
	var b mergeBody
	if err := c.read(&b); err != nil {
		return answer{}, err
	}
	if b.Into == "" {
		return answer{}, &incident.FieldError{Field: "into", Problem: "name the incident that it lives on in"}
	}
	opts, err := c.options()
	if err != nil {
		return answer{}, err
	}
	for _, ref := range []string{c.path("ref"), b.Into} {
		if _, err := c.lookAt(ref); err != nil {
			return answer{}, err
		}
	}
	source, target, err := c.api.svc.Merge(c.ctx(), c.path("ref"), b.Into, c.by, b.Reason, opts...)
	if err != nil {
		if source, err = c.repeated(err); err != nil {
			return answer{}, err
		}
		if target, err = c.lookAt(b.Into); err != nil {
			return answer{}, err
		}
	}
	return answer{body: map[string]any{"source": c.viewOf(source), "target": c.viewOf(target)}, etag: etag(source.Version)}, nil
}

// editBody changes what it names.
type editBody struct {
	Name          *string                        `json:"name"`
	Summary       *string                        `json:"summary"`
	Type          *string                        `json:"type"`
	Severity      *string                        `json:"severity"`
	Fields        map[string]incident.FieldValue `json:"fields"`
	ImpactStarted *time.Time                     `json:"impact_started"`
	Reported      *time.Time                     `json:"reported"`
	Resolved      *time.Time                     `json:"resolved"`
}

func (c *call) edit() (answer, error) {
	if _, err := c.mustVersion(); err != nil {
		return answer{}, err
	}
	return withBody(func(inc *incident.Incident, act incident.Act, _ *call, b *editBody) ([]incident.Event, error) {
		return inc.Edit(act, incident.EditParams{
			Name: b.Name, Summary: b.Summary, Type: b.Type, Severity: b.Severity, Fields: b.Fields,
			ImpactStarted: b.ImpactStarted, Reported: b.Reported, Resolved: b.Resolved,
		})
	})(c)
}

// updateBody is what people are told. A negative next_update_in promises none.
type updateBody struct {
	Message      string            `json:"message"`
	Status       incident.Status   `json:"status"`
	Severity     string            `json:"severity"`
	NextUpdateIn incident.Duration `json:"next_update_in"`
}

func shareUpdate(inc *incident.Incident, act incident.Act, _ *call, b *updateBody) ([]incident.Event, error) {
	return inc.ShareUpdate(act, incident.UpdateParams{
		Message: b.Message, Status: b.Status, Severity: b.Severity, NextIn: b.NextUpdateIn.Std(),
	})
}

type personBody struct {
	Person string `json:"person"`
}

func (c *call) requestUpdate() (answer, error) {
	var b personBody
	if err := c.readMaybe(&b); err != nil {
		return answer{}, err
	}
	return c.do(func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		if err := c.known("person", b.Person); err != nil {
			return nil, err
		}
		return inc.RequestUpdate(act, b.Person)
	})
}

type snoozeBody struct {
	Minutes int `json:"minutes"`
}

func snooze(inc *incident.Incident, act incident.Act, c *call, b *snoozeBody) ([]incident.Event, error) {
	return inc.SnoozeNudge(act, incident.NudgeKind(c.path("kind")), b.Minutes)
}

func (c *call) stopNudge() (answer, error) {
	return bare(func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.StopNudge(act, incident.NudgeKind(c.path("kind")))
	})(c)
}
