package incident

import (
	"slices"
	"time"
)

// The verbs that change a status, as people read them on buttons and in errors.
const (
	verbReport  = "report"
	verbDeclare = "declare"
	verbImport  = "import"
	verbAccept  = "accept"
	verbDecline = "decline"
	verbMerge   = "merge"
	verbUpdate  = "update"
	verbPause   = "pause"
	verbResume  = "resume"
	verbCancel  = "cancel"
	verbResolve = "resolve"
	verbAdvance = "advance"
	verbClose   = "close"
	verbOptOut  = "opt-out"
	verbReopen  = "reopen"
)

// Transition is one arrow of the life of an incident. From is "" for the verbs that make one.
type Transition struct {
	Verb     string
	From, To Status
}

// Transitions returns all arrows. The same stand in docs/states.md and in the schemas of the stores;
// tests compare them.
func Transitions() []Transition {
	var all []Transition
	for _, row := range transitions {
		for _, from := range row.from {
			for _, to := range row.to {
				all = append(all, Transition{row.verb, from, to})
			}
		}
	}
	return all
}

// transitions is the table: each verb leads from each status on its left to each on its right. Those
// of an update are three rows, since none leads to itself.
var transitions = []struct {
	verb     string
	from, to []Status
}{
	{verbReport, []Status{""}, []Status{Triage}},
	{verbDeclare, []Status{""}, []Status{Investigating}},
	{verbImport, []Status{""}, []Status{Closed}},
	{verbAccept, []Status{Triage}, []Status{Investigating}},
	{verbDecline, []Status{Triage}, []Status{Declined}},
	{verbMerge, []Status{Triage, Investigating, Fixing, Monitoring}, []Status{Merged}},
	{verbUpdate, []Status{Investigating}, []Status{Fixing, Monitoring}},
	{verbUpdate, []Status{Fixing}, []Status{Investigating, Monitoring}},
	{verbUpdate, []Status{Monitoring}, []Status{Investigating, Fixing}},
	{verbPause, []Status{Investigating, Fixing, Monitoring}, []Status{Paused}},
	{verbResume, []Status{Paused}, []Status{Investigating, Fixing, Monitoring}},
	{verbCancel, []Status{Investigating, Fixing, Monitoring}, []Status{Canceled}},
	{verbResolve, []Status{Triage, Investigating, Fixing, Monitoring}, []Status{Documenting, Closed}},
	{verbAdvance, []Status{Documenting}, []Status{Reviewing}},
	{verbAdvance, []Status{Reviewing}, []Status{Closed}},
	{verbOptOut, []Status{Documenting, Reviewing}, []Status{Closed}},
	{verbReopen, []Status{Documenting, Reviewing, Closed}, []Status{Investigating}},
}

// leads reports whether a verb leads from one status to another; to "" asks for any.
func leads(verb string, from, to Status) bool {
	for _, row := range transitions {
		if row.verb == verb && slices.Contains(row.from, from) && (to == "" || slices.Contains(row.to, to)) {
			return true
		}
	}
	return false
}

// AllowedVerbs returns the verbs that change the status from s, as surfaces show them on buttons:
// "close" stands for "advance", which nobody does by hand. It returns nil where no verb leads on.
func AllowedVerbs(s Status) []string {
	var verbs []string
	for _, row := range transitions {
		verb := row.verb
		if verb == verbAdvance {
			verb = verbClose
		}
		if slices.Contains(row.from, s) && s != "" && !slices.Contains(verbs, verb) {
			verbs = append(verbs, verb)
		}
	}
	return verbs
}

// mayGo returns *[TransitionError] unless the verb leads from the present status to another; to ""
// asks for any.
func (inc *Incident) mayGo(verb string, to Status) error {
	if leads(verb, inc.Status, to) {
		return nil
	}
	return inc.wrongStatus(verb, to)
}

func (inc *Incident) wrongStatus(verb string, to Status) error {
	return &TransitionError{Ref: inc.Ref(), Verb: verb, From: inc.Status, To: to, Allowed: AllowedVerbs(inc.Status)}
}

// moveTo changes the status, with the times that hang on it, and notes both. Whoever calls it has
// asked mayGo and has recorded what happened.
func (r *record) moveTo(to Status) {
	inc, at := r.inc, r.act.At
	from := inc.Status
	inc.Status = to
	inc.Times.MonitoringSince, inc.Times.PausedSince = time.Time{}, time.Time{}
	switch {
	case to == Monitoring:
		inc.Times.MonitoringSince = at
		if inc.Times.Fixed.IsZero() {
			inc.Times.Fixed = at
		}
	case to == Paused:
		inc.Times.PausedSince = at
	case to == Closed || to.Final():
		inc.Times.Closed = at
	}
	if !to.Live() {
		inc.NextUpdateDue = time.Time{}
	}
	r.add(EvStatus, DataStatus{From: from, To: to})
}
