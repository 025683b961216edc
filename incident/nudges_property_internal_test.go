package incident

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// sentNudge is one that went out in a random history.
type sentNudge struct {
	NudgeDue
	at time.Time
}

// randomIncident has some of the reasons to nudge.
func randomIncident(t *rapid.T) *Incident {
	maybe := func(what string) bool { return rapid.Bool().Draw(t, what) }
	inc := activeIncident(rapid.SampledFrom([]string{"", "minor", "major", "critical"}).Draw(t, "severity"))
	inc.Status = rapid.SampledFrom([]Status{Triage, Investigating, Monitoring, Documenting, Closed}).Draw(t, "status")
	inc.Times.MonitoringSince, inc.Times.Resolved = noon, noon
	if maybe("led") {
		inc.Assignments = []Assignment{{Role: LeadRole, Person: "ana", Since: noon}}
	}
	if maybe("promised") {
		inc.NextUpdateDue = noon.Add(time.Hour)
	}
	if maybe("entry") {
		inc.Entries = []Entry{{Ref: "Q-1", At: noon}}
	}
	if maybe("follow-up") {
		inc.FollowUps = []FollowUp{{ID: "f1", State: Outstanding, Created: noon}, {ID: "f2", Owner: "ben", State: Outstanding, Created: noon}}
	}
	if maybe("task") {
		inc.Tasks = []Task{{ID: "1", Stage: Documenting, State: TaskOpen}}
	}
	return inc
}

// disturb does what people do in between.
func disturb(t *rapid.T, inc *Incident, now time.Time) {
	kind := rapid.SampledFrom([]NudgeKind{NudgeTriage, NudgeLead, NudgeUpdate, NudgeEntry, NudgeFollowUp}).Draw(t, "kind")
	n := inc.Nudges[kind]
	switch rapid.SampledFrom([]string{"", "", "", "snooze", "stop", "promise", "pause", "resume", "done"}).Draw(t, "verb") {
	case "snooze":
		n.Snoozed = now.Add(30 * time.Minute)
	case "stop":
		n.Stopped = true
	case "promise":
		inc.NextUpdateDue = now.Add(5 * time.Minute)
		return
	case "pause":
		if inc.Status == Investigating {
			inc.Status = Paused
		}
		return
	case "resume":
		if inc.Status == Paused {
			inc.Status = Investigating
		}
		return
	case "done":
		if len(inc.FollowUps) > 0 {
			inc.FollowUps[0].State = Done
		}
		return
	default:
		return
	}
	if inc.Nudges == nil {
		inc.Nudges = make(map[NudgeKind]Nudge)
	}
	inc.Nudges[kind] = n
}

func TestNudges_AnyHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rules := pagingRules()
		rules.Hours.Zone = rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"}).Draw(t, "zone")
		inc := randomIncident(t)
		now := noon
		var sent []sentNudge
		for range rapid.IntRange(1, 80).Draw(t, "length") {
			due := inc.NudgeDueAt(rules)
			if step := rapid.SampledFrom([]string{"due", "due", "minutes", "days"}).Draw(t, "step"); step == "due" && due.After(now) {
				now = due // noon is in March: weeks of this pass the days on which clocks change
			} else if step == "days" {
				now = now.Add(time.Duration(rapid.IntRange(1, 72).Draw(t, "hours")) * time.Hour)
			} else {
				now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "minutes")) * time.Minute)
			}
			checkDueAt(t, inc, rules, now)
			for _, d := range inc.NudgesDue(rules, now) {
				checkNudge(t, inc, rules, d, now, sent)
				sent = append(sent, sentNudge{d, now})
			}
			for _, s := range sent {
				if s.at.Equal(now) {
					inc.noteNudge(s.Kind, s.Occasion, s.at)
				}
			}
			disturb(t, inc, now)
			*inc = restart(t, inc)
			now = now.Add(time.Second)
		}
	})
}

// checkDueAt compares the two questions: when, and what now.
func checkDueAt(t *rapid.T, inc *Incident, rules *Settings, now time.Time) {
	due, n := inc.NudgeDueAt(rules), len(inc.NudgesDue(rules, now))
	switch {
	case due.IsZero() || now.Before(due):
		if n != 0 {
			t.Fatalf("%d are due at %v, the next is said to be at %v", n, now, due)
		}
	case len(inc.NudgesDue(rules, due)) == 0:
		t.Fatalf("one is said to be due at %v, and then none is", due)
	}
}

// checkNudge looks at one that is about to be sent.
func checkNudge(t *rapid.T, inc *Incident, rules *Settings, d NudgeDue, now time.Time, sent []sentNudge) {
	var rule nudgeRule
	for _, r := range nudgeRules() {
		if r.kind == d.Kind {
			rule = r
		}
	}
	past := inc.Nudges[d.Kind]
	if inc.Status == Paused || past.Stopped || now.Before(past.Snoozed) || d.At.After(now) {
		t.Fatalf("%+v at %v, although it is %s with %+v", d, now, inc.Status, past)
	}
	local := now.In(zoneOf(rules.Hours.Zone))
	weekend := local.Weekday() == time.Saturday || local.Weekday() == time.Sunday
	if rule.daily && (weekend || local.Hour() < 9 || local.Hour() >= 18) {
		t.Fatalf("%s at %v", d.Kind, local)
	}
	hour, sameOccasion := 1, 0
	for _, s := range sent {
		if s.at.After(now.Add(-time.Hour)) {
			hour++
		}
		if s.Kind != d.Kind {
			continue
		}
		if rule.daily && now.Sub(s.at) < 24*time.Hour {
			t.Fatalf("%s at %v and at %v", d.Kind, s.at, now)
		}
		if s.Occasion == d.Occasion {
			sameOccasion++
			if now.Sub(s.at) < min(rule.then, 20*time.Minute) {
				t.Fatalf("%s at %v and at %v", d.Kind, s.at, now)
			}
		}
	}
	if hour > nudgesAnHour || rule.count > 0 && sameOccasion >= rule.count || sameOccasion != d.N {
		t.Fatalf("%+v at %v: %d within the hour, %d of its occasion", d, now, hour, sameOccasion)
	}
}

func TestWindow_NextIsTheFirstMomentWithin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/Sao_Paulo", "Africa/Cairo", "Australia/Lord_Howe"}).Draw(t, "zone")
		w := WorkingHours{Zone: zone, Days: []time.Weekday{time.Weekday(rapid.IntRange(0, 6).Draw(t, "day")), time.Friday}}.window()
		w.from = timeOfDay(rapid.IntRange(0, 23*60).Draw(t, "from"))
		w.to = timeOfDay(rapid.IntRange(int(w.from)+1, int(midnight)).Draw(t, "to"))
		at := time.Unix(rapid.Int64Range(1_000_000_000, 2_000_000_000).Draw(t, "at"), 0)
		if _, jump := at.In(w.zone).ZoneBounds(); !jump.IsZero() && rapid.Bool().Draw(t, "near a jump") {
			at = jump.Add(time.Duration(rapid.IntRange(-300, 60).Draw(t, "minutes")) * time.Minute)
		}
		next := w.next(at)
		if next.Before(at) || !w.contains(next) {
			t.Fatalf("after %v comes %v", at.In(w.zone), next.In(w.zone))
		}
		if !next.Equal(at) && w.contains(next.Add(-time.Nanosecond)) {
			t.Fatalf("%v is not the first moment after %v", next.In(w.zone), at.In(w.zone))
		}
		early := at.Add(time.Duration(rapid.Int64Range(0, min(int64(next.Sub(at)), int64(5*time.Hour))).Draw(t, "early")))
		if early.Before(next) && w.contains(early) {
			t.Fatalf("%v is before %v and within", early.In(w.zone), next.In(w.zone))
		}
		if between := at.Add(time.Duration(rapid.Int64Range(0, int64(next.Sub(at))).Draw(t, "between"))); between.Before(next) && w.contains(between) {
			t.Fatalf("%v is before %v and within", between.In(w.zone), next.In(w.zone))
		}
	})
}
