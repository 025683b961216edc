package incident

import (
	"slices"
	"time"
)

// Columns returns what a store keeps beside the document. It is a function of the document alone, so
// a store may compute it whenever it writes one.
//
// Who left is not among the people: a private incident is out of their sight.
func (inc *Incident) Columns() Columns {
	return Columns{
		ID: inc.ID, Name: inc.Name, Severity: inc.Severity, Type: inc.Type, MergedInto: inc.MergedInto,
		Number: inc.Number, Version: inc.Version,
		Status: inc.Status, Stage: inc.Status.Stage(), Mode: inc.Mode, Visibility: inc.Visibility,
		Created: inc.Times.Created, Updated: inc.Times.Updated,
		PageDueAt: inc.PageDueAt(), NudgeDueAt: inc.NudgeAt, Ended: inc.ended(),
		HasChannel: inc.Channel != nil, People: inc.insiders(),
	}
}

// ended returns when it was last recorded as over, zero while it is open. What people say of its end is
// not asked: that may be any day, past or to come, and what is swept or deleted must not hang on it.
func (inc *Incident) ended() time.Time {
	switch {
	case inc.Status.Open():
		return time.Time{}
	case inc.Times.Updated.IsZero():
		return inc.Times.Created
	default:
		return inc.Times.Updated
	}
}

// insiders returns who takes part or holds a role, each once, in order.
func (inc *Incident) insiders() []string {
	var people []string
	for _, p := range inc.Participants {
		if p.Left.IsZero() {
			people = append(people, p.Person)
		}
	}
	for _, a := range inc.Assignments {
		people = append(people, a.Person)
	}
	slices.Sort(people)
	return slices.Compact(people)
}
