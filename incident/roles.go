package incident

import (
	"fmt"
	"slices"
	"time"
)

// mayAssign refuses where nobody works on it any more.
func (inc *Incident) mayAssign(verb string) error {
	if inc.Status.Final() || inc.Status == Closed {
		return inc.wrongStatus(verb, "")
	}
	return nil
}

// AssignRole gives a role to a person, in place of nobody: where another holds it, *[ConflictError].
func (inc *Incident) AssignRole(act Act, role, person string) ([]Event, error) {
	if err := inc.mayAssign("assign a role"); err != nil {
		return nil, err
	}
	if err := act.Rules.checkRole(role); err != nil {
		return nil, err
	}
	if err := needID("person", person); err != nil {
		return nil, err
	}
	holder := inc.Holder(role)
	if holder != "" && holder != person {
		return nil, inc.heldBy(role)
	}
	r := inc.begin(act)
	if holder == "" {
		r.assign(role, person)
	}
	return r.end()
}

// HandOver passes a role on. If from does not hold it any more it returns *[ConflictError].
func (inc *Incident) HandOver(act Act, role, from, to, note string) ([]Event, error) {
	if err := inc.mayAssign("hand over"); err != nil {
		return nil, err
	}
	if err := act.Rules.checkRole(role); err != nil {
		return nil, err
	}
	if err := needID("person", to); err != nil {
		return nil, err
	}
	note, err := text("note", note, maxReason)
	if err != nil {
		return nil, err
	}
	if from == to {
		return nil, &FieldError{"person", "must be somebody else than who holds it"}
	}
	if from == "" || inc.Holder(role) != from {
		return nil, inc.heldBy(role)
	}
	r := inc.begin(act)
	r.add(EvHandedOff, DataRole{Role: role, Person: to, From: from, Note: note})
	r.hold(role, to)
	return r.end()
}

// Unassign takes a role from its holder. A role that nobody holds stays so.
func (inc *Incident) Unassign(act Act, role string) ([]Event, error) {
	if err := inc.mayAssign("unassign a role"); err != nil {
		return nil, err
	}
	holder := inc.Holder(role)
	if err := act.Rules.checkRole(role); err != nil && holder == "" {
		return nil, err // one that the settings lost can still be given up
	}
	r := inc.begin(act)
	if holder != "" {
		r.add(EvUnassign, DataRole{Role: role, From: holder})
		inc.Assignments = inc.without(role)
	}
	return r.end()
}

// assign gives a role that nobody holds.
func (r *record) assign(role, person string) {
	r.add(EvAssigned, DataRole{Role: role, Person: person})
	r.hold(role, person)
}

// hold makes a person the only holder of a role, and somebody who takes part.
func (r *record) hold(role, person string) {
	r.inc.Assignments = append(r.inc.without(role), Assignment{Role: role, Person: person, Since: r.act.At})
	kind := Worker
	if role == reporterRole {
		kind = Collaborator // who saw it need not work on it
	}
	r.join(person, kind)
}

func (inc *Incident) without(role string) []Assignment {
	return slices.DeleteFunc(slices.Clone(inc.Assignments), func(a Assignment) bool { return a.Role == role })
}

// heldBy says who holds a role, to somebody who thought otherwise.
func (inc *Incident) heldBy(role string) error {
	e := &ConflictError{Ref: inc.Ref(), What: "nobody is " + role, Version: inc.Version}
	for _, a := range inc.Assignments {
		if a.Role == role {
			e.What = fmt.Sprintf("the %s is %s since %s", role, a.Person, a.Since.UTC().Format("15:04Z"))
			e.By, e.At = Actor{Kind: ByPerson, ID: a.Person}, a.Since
		}
	}
	return e
}

// roleOf returns a role that a person holds, "" for none.
func (inc *Incident) roleOf(person string) string {
	for _, a := range inc.Assignments {
		if a.Person == person {
			return a.Role
		}
	}
	return ""
}

// ParticipantOf returns how somebody takes part, also when they left; false if they never did.
func (inc *Incident) ParticipantOf(person string) (Participant, bool) {
	if i := inc.participant(person); i >= 0 {
		return inc.Participants[i], true
	}
	return Participant{}, false
}

func (inc *Incident) participant(person string) int {
	return slices.IndexFunc(inc.Participants, func(p Participant) bool { return p.Person == person })
}

// rank orders kinds of participants.
func (k ParticipantKind) rank() int {
	return slices.Index([]ParticipantKind{Observer, Collaborator, Worker}, k)
}

// join makes somebody take part, or raises how they do. It reports whether anything changed.
func (r *record) join(person string, kind ParticipantKind) bool {
	inc := r.inc
	i := inc.participant(person)
	if i < 0 {
		inc.Participants = append(inc.Participants, Participant{Person: person, Kind: kind, Since: r.act.At})
		r.add(EvJoined, DataParticipant{person, kind})
		return true
	}
	p := &inc.Participants[i]
	if p.Left.IsZero() && p.Kind.rank() >= kind.rank() {
		return false
	}
	if !p.Left.IsZero() {
		p.Left, p.Since = time.Time{}, r.act.At
		p.Returns++
	}
	if p.Kind.rank() < kind.rank() {
		p.Kind = kind
	}
	r.add(EvJoined, DataParticipant{person, p.Kind})
	return true
}
