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

// ended returns when it stopped being open, zero while it is. What people say about it comes first,
// and one that says nothing ended when it was changed last.
func (inc *Incident) ended() time.Time {
	if inc.Status.Open() {
		return time.Time{}
	}
	said := []time.Time{inc.Times.Resolved, inc.Times.Closed, inc.Times.Updated, inc.Times.Created}
	if inc.Status.Final() {
		said = said[1:] // it may have been resolved once, and reopened
	}
	for _, at := range said {
		if !at.IsZero() {
			return at
		}
	}
	return time.Time{}
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
