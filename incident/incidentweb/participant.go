package incidentweb

import (
	"cmp"

	"github.com/theriac/theriac/incident"
)

// roleBody gives a role to somebody. From makes it a hand-over, which fails if they do not hold it any
// more.
type roleBody struct {
	Person string `json:"person"`
	From   string `json:"from"`
	Note   string `json:"note"`
}

func assignRole(inc *incident.Incident, act incident.Act, c *call, b *roleBody) ([]incident.Event, error) {
	if err := c.known("person", b.Person); err != nil {
		return nil, err
	}
	if b.From != "" {
		return inc.HandOver(act, c.path("role"), b.From, b.Person, b.Note)
	}
	if b.Note != "" {
		return nil, &incident.FieldError{Field: "note", Problem: "goes with a hand-over: say from whom"}
	}
	return inc.AssignRole(act, c.path("role"), b.Person)
}

func (c *call) unassignRole() (answer, error) {
	return bare(func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Unassign(act, c.path("role"))
	})(c)
}

// participantBody adds somebody or raises how they take part, and says whether updates come to them
// by direct message. Who is added without a word on how was brought in, which makes a collaborator.
type participantBody struct {
	Person     string                   `json:"person"`
	Kind       incident.ParticipantKind `json:"kind"`
	Subscribed *bool                    `json:"subscribed"`
}

func addParticipant(inc *incident.Incident, act incident.Act, c *call, b *participantBody) ([]incident.Event, error) {
	if err := c.known("person", b.Person); err != nil {
		return nil, err
	}
	var evs []incident.Event
	if b.Kind != "" || b.Subscribed == nil {
		joined, err := inc.Join(act, b.Person, cmp.Or(b.Kind, incident.Collaborator))
		if err != nil {
			return nil, err
		}
		evs = joined
	}
	if b.Subscribed == nil {
		return evs, nil
	}
	if len(evs) > 0 {
		act.Key = "" // it is spent
	}
	subscribed, err := inc.Subscribe(act, b.Person, *b.Subscribed)
	return append(evs, subscribed...), err
}

func (c *call) removeParticipant() (answer, error) {
	return bare(func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Leave(act, c.path("person"))
	})(c)
}
