package incident

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// remind sends what is due at each moment at which something is, until an end, and returns when what
// was sent, as minutes after noon (or days and hours where it is long).
func remind(inc *Incident, rules *Settings, until time.Time) []string {
	var sent []string
	for at := inc.NudgeDueAt(rules); !at.IsZero() && at.Before(until); at = inc.NudgeDueAt(rules) {
		for _, d := range inc.NudgesDue(rules, at) {
			inc.noteNudge(d.Kind, d.Occasion, at)
			sent = append(sent, fmt.Sprintf("%s %s", d.Kind, at.Sub(noon)))
		}
		if len(sent) > 100 {
			break
		}
	}
	return sent
}

// noteNudge does to the document what RecordNudge does.
func (inc *Incident) noteNudge(kind NudgeKind, occasion string, at time.Time) {
	if inc.Nudges == nil {
		inc.Nudges = make(map[NudgeKind]Nudge)
	}
	inc.Nudges[kind] = inc.Nudges[kind].sent(occasion, at)
}

// ledIncident is one that nothing is missing of.
func ledIncident(severity string) *Incident {
	inc := activeIncident(severity)
	inc.Assignments = []Assignment{{Role: LeadRole, Person: "ana", Since: noon}}
	return inc
}

func TestNudges_Table(t *testing.T) {
	t.Parallel()
	rules := pagingRules()
	for name, c := range map[string]struct {
		inc    func() *Incident
		within time.Duration
		want   []string
	}{
		"triage: every 10 min, 6 times": {
			func() *Incident { inc := activeIncident(""); inc.Status = Triage; return inc }, day,
			[]string{"triage 10m0s", "triage 20m0s", "triage 30m0s", "triage 40m0s", "triage 1h10m0s", "triage 1h20m0s"},
		},
		"lead and severity: at most 4 an hour": {
			func() *Incident { return activeIncident("") }, 2 * time.Hour,
			[]string{
				"lead 2m0s", "lead 4m0s", "severity 5m0s", "lead 6m0s",
				"lead 1h2m0s", "lead 1h4m0s", "severity 1h5m0s", "regroup 1h6m0s",
			},
		},
		"update: as often as the severity asks": {
			func() *Incident {
				inc := ledIncident("critical")
				inc.NextUpdateDue = noon.Add(20 * time.Minute)
				return inc
			}, time.Hour,
			[]string{"update 20m0s", "update 40m0s"},
		},
		"update: every half hour where none asks": {
			func() *Incident {
				inc := ledIncident("calm")
				inc.NextUpdateDue = noon.Add(time.Minute)
				return inc
			}, time.Hour,
			[]string{"update 1m0s", "update 31m0s"},
		},
		"regroup once, rest once for each turn": {
			func() *Incident { return ledIncident("major") }, 10 * day,
			[]string{"regroup 1h0m0s", "rest 3h0m0s"},
		},
		"regroup when it is fixed": {
			func() *Incident {
				inc := ledIncident("major")
				inc.Times.Fixed = noon.Add(7 * time.Minute)
				return inc
			}, time.Hour,
			[]string{"regroup 7m0s"},
		},
		"paused: silent": {
			func() *Incident { inc := activeIncident(""); inc.Status = Paused; return inc }, 100 * day, nil,
		},
		"declined: silent": {
			func() *Incident { inc := activeIncident(""); inc.Status = Declined; return inc }, 100 * day, nil,
		},
		"retrospective: silent": {
			func() *Incident {
				inc := activeIncident("")
				inc.Status, inc.Mode = Documenting, ModeRetrospective
				inc.Tasks = []Task{{ID: "1", Stage: Documenting, State: TaskOpen}}
				inc.Times.Resolved = noon
				return inc
			}, 100 * day, nil,
		},
		"still open: after a week on a working day, 5 times": {
			func() *Incident {
				inc := ledIncident("major")
				inc.Status, inc.Times.MonitoringSince, inc.Times.Fixed = Monitoring, noon.AddDate(0, 0, 1), noon
				return inc
			}, 100 * day,
			[]string{
				"regroup 0s", "rest 3h0m0s", "still_open 192h0m0s", "still_open 216h0m0s", // Thursday, Friday
				"still_open 285h0m0s", "still_open 309h0m0s", "still_open 333h0m0s", // Monday 9 o'clock
			},
		},
		"entry: after a day, daily until it is decided": {
			func() *Incident {
				inc := activeIncident("")
				inc.Status = Closed
				inc.Entries = []Entry{
					{Ref: "Q-3", At: noon.Add(time.Hour)}, {Ref: "Q-1", At: noon}, {Ref: "Q-2", At: noon.AddDate(0, 0, -9), Decision: "replayed"},
				}
				return inc
			}, 6 * day,
			[]string{"entry 24h0m0s", "entry 48h0m0s", "entry 117h0m0s", "entry 141h0m0s"},
		},
		"tasks: 3 days for the worst": {
			func() *Incident { return afterwards("critical") }, 6 * day,
			[]string{"tasks 117h0m0s", "tasks 141h0m0s"}, // 3 days later is a Saturday
		},
		"tasks: 5 working days for others": {
			func() *Incident { return afterwards("major") }, 8 * day,
			[]string{"tasks 168h0m0s"},
		},
		"follow-ups: an owner within 3 days, done within 7, or when promised": {
			func() *Incident {
				inc := activeIncident("major")
				inc.Status = Closed
				inc.FollowUps = []FollowUp{
					{ID: "f1", Owner: "ana", State: Outstanding, Created: noon},
					{ID: "f2", Owner: "ben", State: Outstanding, Created: noon, Due: noon.AddDate(0, 0, 8)},
					{ID: "f3", State: Done, Created: noon},
				}
				return inc
			}, 8 * day,
			[]string{"follow_up 168h0m0s"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, remind(c.inc(), rules, noon.Add(c.within))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// afterwards is an incident that was resolved at noon and has work left.
func afterwards(severity string) *Incident {
	inc := activeIncident(severity)
	inc.Status, inc.Times.Resolved = Documenting, noon
	inc.Tasks = []Task{{ID: "1", Stage: Documenting, State: TaskOpen}, {ID: "2", Stage: Reviewing, State: TaskOpen}}
	return inc
}

func TestNudges_AskWhoIsMeant(t *testing.T) {
	t.Parallel()
	inc := ledIncident("major")
	inc.noteNudge(NudgeRegroup, "regroup", noon)
	at := noon.Add(4 * time.Hour)
	want := []NudgeDue{{Kind: NudgeRest, At: noon.Add(3 * time.Hour), Occasion: "ana since 2026-03-04T12:00:00Z", Person: "ana"}}
	if diff := cmp.Diff(want, inc.NudgesDue(pagingRules(), at)); diff != "" {
		t.Error(diff)
	}
	inc.noteNudge(NudgeRest, want[0].Occasion, at)
	inc.Assignments[0] = Assignment{Role: LeadRole, Person: "ben", Since: at}
	if got := inc.NudgeDueAt(pagingRules()); !got.Equal(at.Add(3 * time.Hour)) {
		t.Errorf("the next lead is to rest at %v", got)
	}
}

func TestNudges_RestCountsFromWhenItBecameActive(t *testing.T) {
	t.Parallel()
	inc := ledIncident("major")
	inc.Assignments[0].Since = noon.Add(-5 * time.Hour) // in triage
	inc.Nudges = map[NudgeKind]Nudge{NudgeRegroup: {Stopped: true}}
	if got := inc.NudgeDueAt(pagingRules()); !got.Equal(noon.Add(3 * time.Hour)) {
		t.Errorf("due at %v", got)
	}
}

func TestNudges_HostileOccasionsStillCount(t *testing.T) {
	t.Parallel()
	inc := activeIncident("major")
	inc.Status = Closed
	inc.FollowUps = []FollowUp{{ID: strings.Repeat("\xff\n", 300) + " ", State: Outstanding, Created: noon}}
	if sent := remind(inc, pagingRules(), noon.AddDate(1, 0, 0)); len(sent) != 5 {
		t.Errorf("sent %d times", len(sent))
	}
	if occasion := inc.Nudges[NudgeFollowUp].For; occasion != tidy(occasion, maxOccasion) {
		t.Errorf("the occasion %q is not one to be kept", occasion)
	}
}

func TestNudges_ANewPromiseCountsAnew(t *testing.T) {
	t.Parallel()
	rules := pagingRules()
	inc := ledIncident("critical")
	inc.NextUpdateDue = noon.Add(20 * time.Minute)
	first := inc.NudgesDue(rules, noon.Add(20*time.Minute))
	inc.noteNudge(first[0].Kind, first[0].Occasion, noon.Add(20*time.Minute))
	inc.NextUpdateDue = noon.Add(25 * time.Minute)
	second := inc.NudgesDue(rules, noon.Add(25*time.Minute))
	if len(second) != 1 || second[0].N != 0 || second[0].Occasion == first[0].Occasion {
		t.Fatalf("an update that was promised anew is late: %+v", second)
	}
	inc.NextUpdateDue = time.Time{}
	if due := inc.NudgesDue(rules, noon.Add(30*time.Minute)); len(due) != 0 {
		t.Errorf("nobody promised one: %+v", due)
	}
}

func TestNudges_SnoozeAndStop(t *testing.T) {
	t.Parallel()
	rules := pagingRules()
	inc := activeIncident("major")
	inc.Nudges = map[NudgeKind]Nudge{
		NudgeLead:    {Snoozed: noon.Add(30 * time.Minute)},
		NudgeRegroup: {Stopped: true},
	}
	if got := inc.NudgeDueAt(rules); !got.Equal(noon.Add(30 * time.Minute)) {
		t.Errorf("due at %v", got)
	}
	if due := inc.NudgesDue(rules, noon.Add(30*time.Minute-1)); len(due) != 0 {
		t.Errorf("within the snooze: %+v", due)
	}
	inc.Nudges[NudgeLead] = Nudge{Stopped: true}
	if got := inc.NudgeDueAt(rules); !got.IsZero() {
		t.Errorf("everything was stopped, and yet due at %v", got)
	}
}

func TestNudge_SentLeavesCopiesAlone(t *testing.T) {
	t.Parallel()
	first := Nudge{}.sent("a", noon)
	n := first
	for range 10 {
		n = n.sent("a", noon.Add(time.Minute))
	}
	if first.Sent != 1 || len(first.Recent) != 1 || !first.Recent[0].Equal(noon) {
		t.Errorf("a copy changed: %+v", first)
	}
	if n.Sent != 11 || len(n.Recent) != nudgesAnHour {
		t.Errorf("noted: %+v", n)
	}
	if n = n.sent("b", noon.Add(30*time.Minute)); n.Sent != 1 || n.For != "b" || len(n.Recent) != nudgesAnHour {
		t.Errorf("a new occasion counts anew, the hour does not: %+v", n)
	}
}
