package incidentweb

import (
	"errors"
	"fmt"

	"github.com/theriac/theriac/incident"
)

// escalateBody says who is called: a path of the settings, or people.
type escalateBody struct {
	Path   string   `json:"path"`
	People []string `json:"people"`
	Reason string   `json:"reason"`
}

func escalate(inc *incident.Incident, act incident.Act, c *call, b *escalateBody) ([]incident.Event, error) {
	if err := c.known("people", b.People...); err != nil {
		return nil, err
	}
	return inc.Escalate(act, incident.EscalateParams{Path: b.Path, People: b.People, Reason: b.Reason})
}

// ackAll answers everything of an incident that pages.
func ackAll(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
	return inc.Ack(act, "")
}

func (c *call) ack() (answer, error) {
	return bare(func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Ack(act, c.path("id"))
	})(c)
}

func (c *call) cancelEscalation() (answer, error) {
	return withReason(func(inc *incident.Incident, act incident.Act, reason string) ([]incident.Event, error) {
		return inc.CancelEscalation(act, c.path("id"), reason)
	})(c)
}

// ofEscalation finds the incident of an escalation for a route that names the escalation alone.
func ofEscalation(do func(*call) (answer, error)) func(*call) (answer, error) {
	return func(c *call) (answer, error) {
		missing := fmt.Errorf("escalation %.80q: %w", c.path("id"), incident.ErrNotFound)
		inc, err := c.api.stores.ByKey(c.req.Context(), incident.EscalationKey(c.path("id")).Text)
		if errors.Is(err, incident.ErrNotFound) {
			return answer{}, missing
		}
		if err != nil {
			return answer{}, err
		}
		c.req.SetPathValue("ref", inc.ID)
		answered, err := do(c)
		if _, absent := errors.AsType[*absentError](err); absent {
			return answer{}, missing // it names no incident that the caller may not see
		}
		return answered, err
	}
}
