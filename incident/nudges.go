package incident

import (
	"slices"
	"time"
)

// nudgesAnHour is how many nudges an incident may send within any hour, whatever is due.
const nudgesAnHour = 4

// NudgeDue is a nudge whose time has come.
type NudgeDue struct {
	Kind NudgeKind
	// At is since when it is due.
	At time.Time
	// Occasion is what RecordNudge is told, N how often it was sent for it before. A key of one nudge needs
	// both, since N begins at 0 again with each occasion.
	Occasion string
	N        int
	// Person is who is asked, "" for whoever leads or all.
	Person string
}

// NudgesDue returns what people are to be reminded of at a moment: none that is snoozed, stopped or
// over its count, none while the incident is paused, and at most 4 an hour. Where more are due, those
// come first that the table names first. However late it is called, each kind is due once.
func (inc *Incident) NudgesDue(rules *Settings, at time.Time) []NudgeDue {
	var due []NudgeDue
	hours := rules.Hours.window()
	left := nudgesAnHour - len(inc.nudgedAfter(at.Add(-time.Hour)))
	for _, d := range inc.nudges(rules, hours) {
		if len(due) >= left {
			break
		}
		if !d.At.After(at) && (!d.rule.daily || hours.contains(at)) {
			due = append(due, d.NudgeDue)
		}
	}
	return due
}

// NudgeDueAt returns when the next nudge is due, zero for never: before it NudgesDue returns none, and
// at it at least one.
func (inc *Incident) NudgeDueAt(rules *Settings) time.Time {
	var first time.Time
	hours := rules.Hours.window()
	free := inc.nudgesFree()
	for _, d := range inc.nudges(rules, hours) {
		at := later(d.At, free)
		if d.rule.daily {
			at = hours.next(at).UTC()
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// nudgesFree returns from when on one more may be sent within the bound of the hour.
func (inc *Incident) nudgesFree() time.Time {
	sent := inc.nudgedAfter(time.Time{})
	if len(sent) < nudgesAnHour {
		return time.Time{}
	}
	slices.SortFunc(sent, func(a, b time.Time) int { return b.Compare(a) })
	return sent[nudgesAnHour-1].Add(time.Hour)
}

// nudgedAfter returns when nudges were sent after a moment.
func (inc *Incident) nudgedAfter(after time.Time) []time.Time {
	var sent []time.Time
	for _, n := range inc.Nudges {
		for _, at := range n.Recent {
			if at.After(after) {
				sent = append(sent, at)
			}
		}
	}
	return sent
}

// pendingNudge is the next nudge of one kind.
type pendingNudge struct {
	NudgeDue
	rule nudgeRule
}

// nudges returns the next nudge of each kind that still has one, in the order of the table.
func (inc *Incident) nudges(rules *Settings, hours window) []pendingNudge {
	if inc.Mode == ModeRetrospective || inc.Status == Paused || inc.Status.Final() {
		return nil
	}
	var all []pendingNudge
	for _, rule := range nudgeRules() {
		past := inc.Nudges[rule.kind]
		reason, ok := rule.reason(inc, rules, hours)
		if !ok || past.Stopped {
			continue
		}
		n := past.Sent
		if past.For != reason.occasion {
			n = 0
		}
		if rule.count > 0 && n >= rule.count {
			continue
		}
		d := NudgeDue{Kind: rule.kind, Occasion: reason.occasion, N: n, Person: reason.person}
		d.At = rule.at(reason, past, n, hours)
		all = append(all, pendingNudge{NudgeDue: d, rule: rule})
	}
	return all
}

// at returns when a nudge that follows n others of its occasion is due.
func (r nudgeRule) at(reason nudgeReason, past Nudge, n int, hours window) time.Time {
	at := later(reason.first, past.Snoozed)
	then := r.then
	if reason.then > 0 {
		then = reason.then
	}
	// Daily kinds come once a day whatever for; others begin anew with each occasion.
	if n > 0 || r.daily && past.Sent > 0 {
		at = later(at, past.Last.Add(then))
	}
	if r.daily {
		at = hours.next(at)
	}
	return at.UTC()
}

// sent is what a kind has become once people were reminded of it for an occasion. RecordNudge keeps it.
func (n Nudge) sent(occasion string, at time.Time) Nudge {
	if n.For != occasion {
		n.Sent, n.For = 0, occasion
	}
	n.Sent, n.Last = n.Sent+1, at
	recent := []time.Time{at}
	for _, old := range n.Recent {
		if old.After(at.Add(-time.Hour)) && len(recent) < nudgesAnHour {
			recent = append(recent, old)
		}
	}
	n.Recent = recent
	return n
}
