package incident

import (
	"fmt"
	"slices"
	"time"
)

// maySee reports whether an actor may look at a private incident: its people, admins, and the program
// itself.
func (inc *Incident) maySee(by Actor) bool {
	switch by.Kind {
	case ByWorkflow, ByClock, ByAlert, ByQuarantine:
		return true
	case ByPerson, ByToken:
	}
	if inc.Visibility != Private || by.Role.Allows(Admin) {
		return true
	}
	return by.Kind == ByPerson && (slices.Contains(inc.present(), by.ID) || inc.roleOf(by.ID) != "")
}

// Join adds somebody, or raises how they take part. Into a private incident only its people and admins
// may bring somebody.
func (inc *Incident) Join(act Act, person string, kind ParticipantKind) ([]Event, error) {
	if err := needID("person", person); err != nil {
		return nil, err
	}
	if kind.rank() < 0 {
		return nil, knownID("kind", string(kind), []string{string(Observer), string(Collaborator), string(Worker)})
	}
	if !inc.maySee(act.By) {
		return nil, ErrNotAllowed
	}
	r := inc.begin(act)
	r.join(person, kind)
	return r.end()
}

// Leave notes that somebody left. The holder of a role hands over first.
func (inc *Incident) Leave(act Act, person string) ([]Event, error) {
	i := inc.participant(person)
	if i < 0 {
		return nil, fmt.Errorf("%w: %.40q takes no part in %s", ErrNotFound, person, inc.Ref())
	}
	if role := inc.roleOf(person); role != "" {
		return nil, fmt.Errorf("%w: %s is %s of %s and hands over first", ErrRefused, person, role, inc.Ref())
	}
	r := inc.begin(act)
	if p := &inc.Participants[i]; p.Left.IsZero() {
		p.Left = act.At
		p.Subscribed = false
		r.add(EvLeft, DataParticipant{Person: person, Kind: p.Kind})
	}
	return r.end()
}

// Subscribe brings updates to somebody by direct message, or no longer. Who took no part becomes an
// observer.
func (inc *Incident) Subscribe(act Act, person string, on bool) ([]Event, error) {
	if err := needID("person", person); err != nil {
		return nil, err
	}
	if !inc.maySee(act.By) {
		return nil, ErrNotAllowed
	}
	r := inc.begin(act)
	if on {
		r.join(person, Observer)
	}
	if i := inc.participant(person); i >= 0 && inc.Participants[i].Subscribed != on {
		inc.Participants[i].Subscribed = on
		change := FieldChange{Field: "updates for " + person, To: "on"}
		if !on {
			change.From, change.To = "on", ""
		}
		r.add(EvEdited, DataEdited{[]FieldChange{change}})
	}
	return r.end()
}

// messagesToWork is how many messages make an observer a collaborator.
const messagesToWork = 3

// RecordActivity notes that somebody did something in the channel: what is "message", "reaction" and
// so on, occurred is when. Its text is not kept. The third message of an observer makes a collaborator;
// who took no part yet becomes an observer, in a private incident only by Join.
func (inc *Incident) RecordActivity(act Act, person, what string, occurred time.Time) ([]Event, error) {
	if err := needID("person", person); err != nil {
		return nil, err
	}
	if err := checkTime("occurred_at", occurred); err != nil {
		return nil, err
	}
	r := inc.begin(act)
	updated := inc.Times.Updated
	r.add(EvActivity, DataActivity{person, clip(what, maxID)})
	if !occurred.IsZero() {
		r.evs[0].OccurredAt = occurred
	}
	changed := r.countMessage(person, what == "message")
	evs, err := r.end()
	if !changed {
		inc.Times.Updated = updated // nothing but an event: it is saved without a version
	}
	return evs, err
}

// countMessage counts what an observer wrote and reports whether the document changed.
func (r *record) countMessage(person string, message bool) bool {
	i := r.inc.participant(person)
	if i < 0 {
		if r.inc.Visibility == Private {
			return false
		}
		r.join(person, Observer)
		i = r.inc.participant(person)
	} else if !message || r.inc.Participants[i].Kind != Observer {
		return false
	}
	if !message {
		return true
	}
	p := &r.inc.Participants[i]
	p.Messages = min(p.Messages+1, messagesToWork)
	if p.Messages == messagesToWork {
		r.join(person, Collaborator)
	}
	return true
}
