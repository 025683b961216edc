package incident

import (
	"fmt"
	"time"
)

// day is how far apart the nudges of daily kinds are at least.
const day = 24 * time.Hour

// maxOccasion bounds what tells one reason from the next, in characters.
const maxOccasion = 250

// nudgeRule is one row of the table of nudges.
type nudgeRule struct {
	kind NudgeKind
	// after is how long after its reason began the first is due, then how long after each the next,
	// count how many are sent for one occasion, 0 for as long as the reason stands.
	after, then time.Duration
	count       int
	// daily kinds come in working hours only, and once a day.
	daily bool
	// find returns why people are to be reminded; false where there is no reason any more, which is what
	// stops a nudge.
	find func(inc *Incident, rules *Settings) (nudgeReason, bool)
}

// nudgeReason is what a nudge is about.
type nudgeReason struct {
	since time.Time
	// occasion tells one reason of a kind from the next.
	occasion string
	person   string
	// first and then take the place of what the rule says, where the reason itself has times.
	first time.Time
	then  time.Duration
	// workdays are added to since, where the first is due after a number of them.
	workdays int
}

// nudgeRules returns the table, the most pressing first. Numbers are those of others where others had
// them; the design names whose.
//
// The status page's (NudgePublic) is not among them: an incident keeps nothing yet of what was
// published.
func nudgeRules() []nudgeRule {
	return []nudgeRule{
		{kind: NudgeTriage, after: 10 * time.Minute, then: 10 * time.Minute, count: 6, find: nobodyJudged},
		{kind: NudgeUpdate, then: 30 * time.Minute, find: updateDue},
		{kind: NudgeLead, after: 2 * time.Minute, then: 2 * time.Minute, count: 5, find: nobodyLeads},
		{kind: NudgeSeverity, after: 5 * time.Minute, then: 5 * time.Minute, count: 5, find: noSeverity},
		{kind: NudgeRegroup, count: 1, find: timeToRegroup},
		{kind: NudgeRest, after: 3 * time.Hour, count: 1, find: timeToRest},
		{kind: NudgeEntry, after: day, then: day, daily: true, find: entryUndecided},
		{kind: NudgeOpen, after: 7 * day, then: day, count: 5, daily: true, find: stillOpen},
		{kind: NudgeTasks, then: day, count: 5, daily: true, find: tasksOpen},
		{kind: NudgeFollowUp, then: day, count: 5, daily: true, find: followUpsLate},
	}
}

// reason finds why people are to be reminded and says when first.
func (r nudgeRule) reason(inc *Incident, rules *Settings, hours window) (nudgeReason, bool) {
	found, ok := r.find(inc, rules)
	if !ok {
		return nudgeReason{}, false
	}
	// RecordNudge keeps occasions tidy. One that it would change counted anew each time, for ever.
	found.occasion = tidy(found.occasion, maxOccasion)
	switch {
	case found.workdays > 0:
		found.first = hours.addDays(found.since, found.workdays)
	case found.first.IsZero():
		found.first = found.since.Add(r.after)
	}
	return found, true
}

// nobodyJudged: it waits in triage.
func nobodyJudged(inc *Incident, _ *Settings) (nudgeReason, bool) {
	return nudgeReason{since: inc.Times.Created, occasion: "triage"}, inc.Status == Triage
}

// activeSince returns when people began to work on it.
func (inc *Incident) activeSince() time.Time {
	return later(inc.Times.Created, later(inc.Times.Declared, inc.Times.Accepted))
}

// life tells the nudges after a reopening from those before it.
func (inc *Incident) life() string { return fmt.Sprintf("reopened %d times", inc.Reopens) }

// updateDue: people outside wait to hear. Each promised time is an occasion.
func updateDue(inc *Incident, rules *Settings) (nudgeReason, bool) {
	due := inc.NextUpdateDue
	severity, _ := rules.findSeverity(inc.Severity)
	return nudgeReason{since: due, occasion: moment(due), then: severity.UpdateEvery.Std()},
		inc.Status.Stage() == StageActive && !due.IsZero()
}

// nobodyLeads: it is active without a lead.
func nobodyLeads(inc *Incident, _ *Settings) (nudgeReason, bool) {
	return nudgeReason{since: inc.activeSince(), occasion: inc.life()},
		inc.Status.Stage() == StageActive && inc.Lead() == ""
}

// noSeverity: nobody said how bad it is.
func noSeverity(inc *Incident, _ *Settings) (nudgeReason, bool) {
	return nudgeReason{since: inc.activeSince(), occasion: inc.life()},
		inc.Status.Stage() == StageActive && inc.Severity == ""
}

// timeToRegroup: it is fixed as far as anybody can tell, or an hour has passed; once in its life.
func timeToRegroup(inc *Incident, _ *Settings) (nudgeReason, bool) {
	first := inc.activeSince().Add(time.Hour)
	if fixed := inc.Times.Fixed; !fixed.IsZero() && fixed.Before(first) {
		first = fixed
	}
	return nudgeReason{first: first, occasion: "regroup"}, inc.Status.Stage() == StageActive
}

// timeToRest: one person leads for long. Each turn is an occasion.
func timeToRest(inc *Incident, _ *Settings) (nudgeReason, bool) {
	for _, a := range inc.Assignments {
		if a.Role == LeadRole && inc.Status.Stage() == StageActive {
			since := later(a.Since, inc.activeSince())
			return nudgeReason{since: since, occasion: a.Person + " since " + moment(a.Since), person: a.Person}, true
		}
	}
	return nudgeReason{}, false
}

// entryUndecided: a quarantined message waits for somebody's decision, also after the close.
func entryUndecided(inc *Incident, _ *Settings) (nudgeReason, bool) {
	open := inc.Undecided()
	if len(open) == 0 {
		return nudgeReason{}, false
	}
	oldest := open[0]
	for _, e := range open[1:] {
		if e.At.Before(oldest.At) {
			oldest = e
		}
	}
	return nudgeReason{since: oldest.At, occasion: oldest.Ref}, true
}

// stillOpen: it has been watched for a week. Each stay in Monitoring is an occasion.
func stillOpen(inc *Incident, _ *Settings) (nudgeReason, bool) {
	since := inc.Times.MonitoringSince
	return nudgeReason{since: since, occasion: moment(since)}, inc.Status == Monitoring && !since.IsZero()
}

// tasksOpen: what is asked for afterwards is not done, 3 days after the worst incidents and 5 working
// days after others.
func tasksOpen(inc *Incident, rules *Settings) (nudgeReason, bool) {
	since := inc.Times.Resolved
	open := inc.Status.Stage() == StagePost && !since.IsZero() && inc.hasOpenTask()
	if rules.worst(inc.Severity) {
		return nudgeReason{first: since.Add(3 * day), occasion: inc.life()}, open
	}
	return nudgeReason{since: since, workdays: 5, occasion: inc.life()}, open
}

// hasOpenTask reports that a task of the present stage is neither done nor skipped.
func (inc *Incident) hasOpenTask() bool {
	for _, t := range inc.Tasks {
		if t.Stage == inc.Status && t.State == TaskOpen {
			return true
		}
	}
	return false
}

// worst reports that no severity ranks above this one.
func (s *Settings) worst(id string) bool {
	this, ok := s.findSeverity(id)
	for _, other := range s.Severities {
		ok = ok && other.Rank <= this.Rank
	}
	return ok
}

// followUpsLate: one has had no owner for 3 days, or is not done when it was promised, else after 7
// days. The one that is late first is the occasion, and its owner is asked.
func followUpsLate(inc *Incident, _ *Settings) (nudgeReason, bool) {
	var late nudgeReason
	if stage := inc.Status.Stage(); stage != StagePost && stage != StageClosed {
		return late, false
	}
	for _, f := range inc.FollowUps {
		if f.State != Outstanding {
			continue
		}
		first := f.Created.Add(7 * day)
		switch {
		case f.Owner == "":
			first = f.Created.Add(3 * day)
		case !f.Due.IsZero():
			first = f.Due
		}
		if late.occasion == "" || first.Before(late.first) {
			late = nudgeReason{first: first, occasion: f.ID, person: f.Owner}
		}
	}
	return late, late.occasion != ""
}

// moment names a time within an occasion.
func moment(at time.Time) string { return at.UTC().Format(time.RFC3339) }
