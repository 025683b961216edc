package incident

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEscalate_FirstLevelIsDueAtOnce(t *testing.T) {
	t.Parallel()
	a := &author{rules: pagingRules()}
	inc := activeIncident("critical")
	act := a.act(noon, "cleo")
	act.Key = "slack:act:1"
	evs := must(t)(inc.Escalate(act, EscalateParams{Path: "ops", Reason: "help"}))
	if diff := cmp.Diff([]string{"created 0/0", "level_due 1/1"}, steps(t, evs)); diff != "" {
		t.Fatal(diff)
	}
	id := inc.Escalations[0].ID
	if evs[0].Key != "slack:act:1" || evs[1].Key != "level:"+id+":1:1" {
		t.Errorf("keys are %q and %q", evs[0].Key, evs[1].Key)
	}
	if want := noon.Add(PageMaxAge); !evs[1].NotAfter.Equal(want) || !inc.PageDueAt().Equal(want) {
		t.Errorf("stale after %v, next due %v, want both %v", evs[1].NotAfter, inc.PageDueAt(), want)
	}
	want := DataEscalation{ID: id, Path: "ops", Round: 1, Level: 1, Targets: a.rules.Paths[0].Levels[0].Targets, Reason: "help", Due: noon}
	if diff := cmp.Diff(want, data[DataEscalation](t, evs[1])); diff != "" {
		t.Error(diff)
	}
	if got := inc.Escalations[0].Levels[0].Wait.Std(); got != DefaultWait {
		t.Errorf("a level without a wait waits %v", got)
	}
	if a.rules.Paths[0].Levels[0].Wait != 0 {
		t.Error("the settings were changed by starting an escalation")
	}
}

func TestEscalation_RunsThroughItsRoundsAndIsExhausted(t *testing.T) {
	t.Parallel()
	a := &author{rules: pagingRules()}
	inc := activeIncident("critical")
	evs := inc.startEscalation(a.act(noon, "cleo"), false)
	at := noon
	for range 4 {
		e := inc.Escalations[0]
		at = at.Add(10 * time.Second)
		evs = append(evs, must(t)(inc.LevelNotified(a.act(at, ""), e.ID, e.Round, e.Level, []string{"pagerduty"}))...)
		wait := e.Levels[e.Level-1].Wait.Std()
		if early := must(t)(inc.AdvanceEscalations(a.act(at.Add(wait-1), ""))); len(early) != 0 {
			t.Fatalf("early: %v", steps(t, early))
		}
		at = at.Add(wait)
		evs = append(evs, must(t)(inc.AdvanceEscalations(a.act(at, "")))...)
	}
	want := []string{
		"created 0/0", "level_due 1/1", "level_notified 1/1", "level_due 1/2", "level_notified 1/2",
		"level_due 2/1", "level_notified 2/1", "level_due 2/2", "level_notified 2/2", "exhausted 2/2",
	}
	if diff := cmp.Diff(want, steps(t, evs)); diff != "" {
		t.Fatal(diff)
	}
	if e := inc.Escalations[0]; e.State != Exhausted || !e.DueAt.IsZero() || !inc.PageDueAt().IsZero() || !e.Ended.Equal(at) {
		t.Errorf("it stands at %+v", e)
	}
	if evs := must(t)(inc.AdvanceEscalations(a.act(at.Add(time.Hour), ""))); len(evs) != 0 {
		t.Errorf("after the end: %v", steps(t, evs))
	}
}

func TestAdvanceEscalations_AfterAnOutage(t *testing.T) {
	t.Parallel()
	a := &author{rules: pagingRules()}
	inc := activeIncident("critical")
	inc.startEscalation(a.act(noon, "cleo"), false)
	back := noon.Add(time.Hour)
	evs := must(t)(inc.AdvanceEscalations(a.act(back, "")))
	evs = append(evs, must(t)(inc.AdvanceEscalations(a.act(back.Add(time.Second), "")))...)
	if diff := cmp.Diff([]string{"level_due 1/2"}, steps(t, evs)); diff != "" {
		t.Fatalf("one step for a late clock, and the next has its own time: %s", diff)
	}
	d := data[DataEscalation](t, evs[0])
	if !d.Missed || !d.Due.Equal(noon.Add(PageMaxAge)) || !evs[0].NotAfter.Equal(back.Add(PageMaxAge)) {
		t.Errorf("missed %v, due %v, stale after %v", d.Missed, d.Due, evs[0].NotAfter)
	}
	// A worker that comes back with the first page has called somebody all the same.
	late := must(t)(inc.LevelNotified(a.act(back.Add(2*time.Second), ""), d.ID, 1, 1, nil))
	if diff := cmp.Diff([]string{"level_notified 1/1 late"}, steps(t, late)); diff != "" {
		t.Error(diff)
	}
	if e := inc.Escalations[0]; e.Notified || !e.DueAt.Equal(back.Add(PageMaxAge)) {
		t.Errorf("a page of a step that is past moved the present one: %+v", e)
	}
}

func TestLevelNotified(t *testing.T) {
	t.Parallel()
	a := &author{rules: pagingRules()}
	inc := activeIncident("critical")
	inc.startEscalation(a.act(noon, "cleo"), false)
	id := inc.Escalations[0].ID
	var field *FieldError
	for _, step := range [][2]int{{1, 2}, {2, 1}, {0, 1}, {1, 0}, {1, 3}, {-1, -1}} {
		if _, err := inc.LevelNotified(a.act(noon, ""), id, step[0], step[1], nil); !errors.As(err, &field) {
			t.Errorf("%v was never due: %v", step, err)
		}
	}
	if _, err := inc.LevelNotified(a.act(noon, ""), "nobody", 1, 1, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown escalation: %v", err)
	}
	// A worker whose clock is behind shortens no wait.
	evs := must(t)(inc.LevelNotified(a.act(noon.Add(-time.Minute), ""), id, 1, 1, nil))
	if want := noon.Add(DefaultWait); !inc.PageDueAt().Equal(want) || evs[0].Key != "notified:"+id+":1:1" {
		t.Errorf("next due %v, want %v; key %q", inc.PageDueAt(), want, evs[0].Key)
	}
	if evs := must(t)(inc.LevelNotified(a.act(noon.Add(time.Minute), ""), id, 1, 1, nil)); len(evs) != 0 || !inc.PageDueAt().Equal(noon.Add(DefaultWait)) {
		t.Error("a step that is noted already was noted again")
	}
}

func TestAck_FirstWins(t *testing.T) {
	t.Parallel()
	a := &author{rules: pagingRules()}
	inc := activeIncident("critical")
	if _, err := inc.Ack(a.act(noon, "ana"), ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody was called: %v", err)
	}
	inc.startEscalation(a.act(noon, "cleo"), false)
	must(t)(inc.Escalate(a.act(noon, "cleo"), EscalateParams{People: []string{"dora"}}))
	first := must(t)(inc.Ack(a.act(noon.Add(time.Minute), "ana"), ""))
	if diff := cmp.Diff([]string{"acked 1/1", "acked 1/1"}, steps(t, first)); diff != "" {
		t.Fatal(diff)
	}
	if first[0].Key != "ack:"+inc.Escalations[0].ID || !inc.PageDueAt().IsZero() {
		t.Errorf("key %q, still due %v", first[0].Key, inc.PageDueAt())
	}
	if evs := must(t)(inc.Ack(a.act(noon.Add(time.Minute), "ana"), "")); len(evs) != 0 {
		t.Errorf("the same answer twice: %v", steps(t, evs))
	}
	id := inc.Escalations[0].ID
	also := append(must(t)(inc.Ack(a.act(noon.Add(2*time.Minute), "ben"), id)), must(t)(inc.Ack(a.act(noon.Add(3*time.Minute), "ben"), ""))...)
	if diff := cmp.Diff([]string{"acked 1/1 also", "acked 1/1 also"}, steps(t, also)); diff != "" {
		t.Error(diff) // "" was meant for the latest one
	}
	if e := inc.Escalations[0]; e.AckedBy.ID != "ana" || len(e.Also) != 1 || e.Also[0].ID != "ben" || e.AckedBy.Role != "" {
		t.Errorf("it stands at %+v", e)
	}
	if evs := must(t)(inc.AdvanceEscalations(a.act(noon.Add(time.Hour), ""))); len(evs) != 0 {
		t.Errorf("called after the answer: %v", steps(t, evs))
	}
}

func TestAck_AfterTheLastRoundIsNotedAndStopsNothing(t *testing.T) {
	t.Parallel()
	a := &author{rules: pagingRules()}
	inc := activeIncident("critical")
	inc.startEscalation(a.act(noon, "cleo"), false)
	at := noon
	for range 4 {
		at = at.Add(PageMaxAge)
		must(t)(inc.AdvanceEscalations(a.act(at, "")))
	}
	evs := must(t)(inc.Ack(a.act(at, "ana"), ""))
	if diff := cmp.Diff([]string{"acked 2/2 also"}, steps(t, evs)); diff != "" {
		t.Error(diff)
	}
	if e := inc.Escalations[0]; e.State != Exhausted || e.AckedBy != nil || len(e.Also) != 1 {
		t.Errorf("it stands at %+v", e)
	}
	if evs := must(t)(inc.Ack(a.act(at, "ana"), "")); len(evs) != 0 {
		t.Errorf("the same answer twice: %v", steps(t, evs))
	}
}

func TestAck_OfWhatComesFromOutsideIsTidied(t *testing.T) {
	t.Parallel()
	a := &author{rules: pagingRules()}
	inc := activeIncident("critical")
	inc.startEscalation(a.act(noon, "cleo"), false)
	act := a.act(noon, "an\x00a\n")
	act.By.Name = strings.Repeat("\u202e", 5000)
	evs := must(t)(inc.Ack(act, ""))
	by := inc.Escalations[0].AckedBy
	if strings.ContainsAny(by.ID+by.Name+evs[0].Actor.ID+evs[0].Actor.Name, "\x00\n\u202e") || len(by.Name) > 1000 {
		t.Errorf("kept as %q, %q", by.ID, by.Name)
	}
}

func TestCancelEscalation_IsFinal(t *testing.T) {
	t.Parallel()
	a := &author{rules: pagingRules()}
	inc := activeIncident("critical")
	inc.startEscalation(a.act(noon, "cleo"), false)
	id := inc.Escalations[0].ID
	evs := must(t)(inc.CancelEscalation(a.act(noon, "cleo"), id, "known"))
	if d := data[DataEscalation](t, evs[0]); evs[0].Type != EvEscCancelled || d.Reason != "known" || d.Missed {
		t.Errorf("%s %+v", evs[0].Type, d)
	}
	for name, verb := range map[string]func() ([]Event, error){
		"ack":    func() ([]Event, error) { return inc.Ack(a.act(noon, "ana"), id) },
		"cancel": func() ([]Event, error) { return inc.CancelEscalation(a.act(noon, "ana"), id, "") },
	} {
		var conflict *ConflictError
		if _, err := verb(); !errors.As(err, &conflict) || !strings.Contains(err.Error(), "cancelled since 12:00Z") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := inc.CancelEscalation(a.act(noon, "ana"), "x\x00y", ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
}

func TestEscalate_Refused(t *testing.T) {
	t.Parallel()
	many := make([]string, maxCalled+1)
	for name, c := range map[string]struct {
		change func(*Incident)
		p      EscalateParams
		want   error
	}{
		"nobody named":     {p: EscalateParams{}, want: ErrInvalid},
		"both named":       {p: EscalateParams{Path: "ops", People: []string{"ana"}}, want: ErrInvalid},
		"unknown path":     {p: EscalateParams{Path: "nope"}, want: ErrInvalid},
		"hostile person":   {p: EscalateParams{People: []string{"ana:1:1"}}, want: ErrInvalid},
		"empty person":     {p: EscalateParams{People: []string{""}}, want: ErrInvalid},
		"too many":         {p: EscalateParams{People: many}, want: ErrInvalid},
		"retrospective":    {change: func(inc *Incident) { inc.Mode = ModeRetrospective }, p: EscalateParams{Path: "ops"}, want: ErrRefused},
		"test of a system": {change: func(inc *Incident) { inc.Mode = ModeTest }, p: EscalateParams{Path: "ops"}, want: ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &author{rules: pagingRules()}
			inc := activeIncident("critical")
			if c.change != nil {
				c.change(inc)
			}
			act := a.act(noon, "cron")
			act.By.Kind = ByToken
			if evs, err := inc.Escalate(act, c.p); !errors.Is(err, c.want) || len(evs) != 0 || len(inc.Escalations) != 0 {
				t.Errorf("got %v, %v", evs, err)
			}
		})
	}
	for _, status := range Statuses() {
		a := &author{rules: pagingRules()}
		inc := activeIncident("critical")
		inc.Status = status
		var transition *TransitionError
		_, err := inc.Escalate(a.act(noon, "ana"), EscalateParams{People: []string{"ben", "ben"}})
		if refused := errors.As(err, &transition); refused == status.Open() {
			t.Errorf("%s: %v", status, err)
		}
		if status.Open() && len(inc.Escalations[0].Levels[0].Targets) != 1 {
			t.Error("somebody who is named twice is called twice")
		}
	}
}

func TestStartEscalation_AsksSeverityAndHours(t *testing.T) {
	t.Parallel()
	night := noon.Add(12 * time.Hour)
	saturday := noon.AddDate(0, 0, 3)
	for name, c := range map[string]struct {
		severity   string
		at         time.Time
		mode       Mode
		quiet      bool
		want       string // pages, tells, "" for nothing
		wantTarget string
	}{
		"critical at night":   {severity: "critical", at: night, want: "pages", wantTarget: "rotation:first"},
		"major by day":        {severity: "major", at: noon, want: "pages", wantTarget: "rotation:first"},
		"major at night":      {severity: "major", at: night, want: "tells", wantTarget: "rotation:first"},
		"major on a Saturday": {severity: "major", at: saturday, want: "tells", wantTarget: "rotation:first"},
		"minor by day":        {severity: "minor", at: noon, want: "tells", wantTarget: "rotation:first"},
		"quiet":               {severity: "critical", at: noon, quiet: true},
		"no severity":         {at: noon},
		"without a path":      {severity: "calm", at: noon},
		"retrospective":       {severity: "critical", at: noon, mode: ModeRetrospective},
		"test":                {severity: "critical", at: noon, mode: ModeTest, want: "pages", wantTarget: "person:cleo"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &author{rules: pagingRules()}
			inc := activeIncident(c.severity)
			if c.mode != "" {
				inc.Mode = c.mode
			}
			evs := inc.startEscalation(a.act(c.at, "cleo"), c.quiet)
			got, target := "", ""
			if len(evs) > 0 {
				e := inc.Escalations[0]
				got = map[bool]string{true: "tells", false: "pages"}[e.NotifyOnly]
				target = e.Levels[0].Targets[0].String()
				if e.NotifyOnly && (len(e.Levels) != 1 || e.Repeat != 1) {
					t.Errorf("to tell people is one step, not %d levels in %d rounds", len(e.Levels), e.Repeat)
				}
				for _, l := range e.Levels {
					if c.mode == ModeTest && (len(l.Targets) != 1 || l.Targets[0].ID != "cleo") {
						t.Errorf("a test calls %v", l.Targets)
					}
				}
			}
			if got != c.want || target != c.wantTarget {
				t.Errorf("it %q %q, want %q %q", got, target, c.want, c.wantTarget)
			}
		})
	}
}

func TestStartEscalation_RaisedSeverityCallsOnceMoreOnlyIfItWasQuiet(t *testing.T) {
	t.Parallel()
	a := &author{rules: pagingRules()}
	inc := activeIncident("minor")
	inc.startEscalation(a.act(noon, "cleo"), false)
	inc.Severity = "critical"
	if evs := inc.startEscalation(a.act(noon, "cleo"), false); len(evs) != 2 {
		t.Errorf("it only told people so far: %v", steps(t, evs))
	}
	if evs := inc.startEscalation(a.act(noon, "cleo"), false); len(evs) != 0 {
		t.Errorf("it calls the same people already: %v", steps(t, evs))
	}
}

func TestNotifyOnly_TellsOnceAndWaitsForNobody(t *testing.T) {
	t.Parallel()
	a := &author{rules: pagingRules()}
	told, untold := activeIncident("minor"), activeIncident("minor")
	told.startEscalation(a.act(noon, "cleo"), false)
	untold.startEscalation(a.act(noon, "cleo"), false)
	must(t)(told.LevelNotified(a.act(noon, ""), told.Escalations[0].ID, 1, 1, []string{"slack"}))
	evs := must(t)(told.AdvanceEscalations(a.act(noon.AddDate(0, 0, 1), "")))
	if len(evs) != 0 || !told.PageDueAt().IsZero() || told.Escalations[0].State != Paging {
		t.Errorf("after they were told: %v, next %v", steps(t, evs), told.PageDueAt())
	}
	evs = must(t)(untold.AdvanceEscalations(a.act(noon.Add(PageMaxAge), "")))
	if len(evs) != 1 || evs[0].Type != EvExhausted {
		t.Fatalf("nobody could be told: %v", steps(t, evs))
	}
	if d := data[DataEscalation](t, evs[0]); !d.NotifyOnly || !d.Missed {
		t.Errorf("its end says %+v", d)
	}
}
