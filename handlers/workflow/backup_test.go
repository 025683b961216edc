package workflow_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
)

// withBackup gives a world a notifier of last resort, and returns what it was told.
func (w *world) withBackup(answer func() error) *[]workflow.Alarm {
	told := &[]workflow.Alarm{}
	w.regs = workflow.All(workflow.Deps{
		Service: w.svc, Chat: w.out, Notifier: w.out, Webhooks: w.out, Tracker: w.out, Now: w.clock.Now,
		Link: func(inc *incident.Incident) string { return "https://inc.example/" + inc.ID },
		Backup: func(_ context.Context, a workflow.Alarm) error {
			*told = append(*told, a)
			return answer()
		},
	})
	return told
}

func fineBackup() error { return nil }

func TestBackup_NobodyAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	told := w.withBackup(fineBackup)
	inc := w.declare(incident.NewParams{Severity: "critical"})
	w.work()
	w.pass(15*time.Minute, 5*time.Second)
	want(t, "told while people are called", len(*told), 0)
	w.pass(25*time.Minute, 5*time.Second)
	id := w.get(inc.ID).Escalations[0].ID
	exhausted := w.latest(inc.ID, incident.EvExhausted)
	w.quietly("escalation.page", exhausted)
	want(t, "told", len(*told), 1)
	a := (*told)[0]
	want(t, "key", a.Key, "backup:"+id)
	want(t, "title", a.Title, "nobody answered: INC-1 checkout is down")
	want(t, "ref", a.Ref, "INC-1")
	if !strings.Contains(a.Detail, "https://inc.example/"+inc.ID) || a.At.IsZero() {
		t.Errorf("told %+v", a)
	}
	want(t, "held", w.held, nil)
}

// TestExhausted_IsSaidWhileItIsTrue: not after somebody answered all the same, and not of what called nobody.
func TestExhausted_IsSaidWhileItIsTrue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		severity string
		then     incident.Verb
	}{
		"answered too late":    {"critical", ack("ben")},
		"nobody could be told": {"minor", nil},
	} {
		w := newWorld(t)
		settings := testSettings()
		settings.Severities[2].Path = "oncall" // minor: it only tells people
		w.saveSettings(settings)
		failing(w, lostBefore, "post", "page")
		inc := w.declare(incident.NewParams{Severity: c.severity})
		w.pass(75*time.Minute, time.Minute)
		want(t, name, w.get(inc.ID).Escalations[0].State, incident.Exhausted)
		if c.then != nil {
			w.do(inc.ID, person("ben"), c.then)
		}
		w.out.fault = func(string) fault { return fine }
		w.pass(10*time.Minute, time.Minute)
		for _, p := range w.out.posts {
			if strings.Contains(p.latest.Text, "Nobody answered") {
				t.Errorf("%s: %s hears that nobody answered", name, p.post.To.Channel)
			}
		}
		if len(w.out.in("C-all")) == 0 {
			t.Errorf("%s: the test looks at nothing", name)
		}
	}
}

// TestBackup_IsTriedUntilItTakesIt: the message waits, charged to nobody, and ends once it is taken.
func TestBackup_IsTriedUntilItTakesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	down := true
	told := w.withBackup(func() error {
		if down {
			return workflow.InDoubt(errOutside)
		}
		return nil
	})
	w.declare(incident.NewParams{Severity: "critical"})
	w.work()
	w.pass(60*time.Minute, 5*time.Second)
	if len(*told) < 5 {
		t.Errorf("it was tried %d times", len(*told))
	}
	down = false
	w.pass(5*time.Minute, 5*time.Second)
	n := len(*told)
	w.pass(10*time.Minute, 5*time.Second)
	want(t, "after it was taken", len(*told), n)
	want(t, "held", w.held, nil)
}

// TestBackup_NotNeeded: nobody is told of what was answered, has ended, or calls nobody.
func TestBackup_NotNeeded(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world, inc incident.Incident){
		"answered since": func(w *world, inc incident.Incident) {
			w.do(inc.ID, person("ben"), func(i *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return i.Ack(act, inc.Escalations[0].ID)
			})
		},
		"ended": func(w *world, inc incident.Incident) {
			w.do(inc.ID, person("ben"), func(i *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return i.Cancel(act, "a mistake")
			})
		},
		"called again": func(w *world, inc incident.Incident) {
			w.do(inc.ID, person("ben"), func(i *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return i.Escalate(act, incident.EscalateParams{Path: "oncall", Reason: "again"})
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			told := w.withBackup(fineBackup)
			inc := w.declare(incident.NewParams{Severity: "critical"})
			all := w.regs
			w.regs = slices.DeleteFunc(slices.Clone(all), func(r workflow.Registration) bool { return r.Name == "escalation.page" })
			for range 100 { // nobody is called, and each step counts as missed
				w.pass(time.Minute, 30*time.Second)
			}
			w.regs = all
			want(t, "state", w.get(inc.ID).Escalations[0].State, incident.Exhausted)
			message := w.latest(inc.ID, incident.EvExhausted)
			change(w, w.get(inc.ID))
			w.quietly("escalation.page", message)
			want(t, "told", len(*told), 0)
		})
	}
}

// TestBackup_PrivateIsANumber: who hears the backup notifier is not known here.
func TestBackup_PrivateIsANumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	told := w.withBackup(fineBackup)
	w.declare(incident.NewParams{Name: "a leak of keys", Severity: "critical", Visibility: incident.Private})
	w.work()
	w.pass(40*time.Minute, 5*time.Second)
	want(t, "told", len(*told), 1)
	if a := (*told)[0]; strings.Contains(a.Title+a.Detail, "leak") || a.Title != "nobody answered: INC-1" {
		t.Errorf("told %+v", a)
	}
}

// TestBackup_ATestTellsNobody, and neither does an escalation that only tells people.
func TestBackup_ATestTellsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	told := w.withBackup(fineBackup)
	for _, p := range []incident.DataEscalation{{ID: "e1", NotifyOnly: true}} {
		inc := w.declare(incident.NewParams{Severity: "critical"})
		w.settle("escalation.page")
		ev := w.events(inc.ID, incident.EvEscalated)[0]
		ev.Type, ev.ID, ev.Data = incident.EvExhausted, "x", mustJSON(t, p)
		w.quietly("escalation.page", message(ev))
	}
	w.declare(incident.NewParams{Severity: "critical", Mode: incident.ModeTest})
	w.work()
	w.pass(40*time.Minute, 5*time.Second)
	for _, a := range *told {
		if a.Ref != "INC-1" { // the first is real, and was never answered
			t.Errorf("told %+v", a)
		}
	}
	want(t, "told", len(*told), 1)
}

func mustJSON(t *testing.T, v any) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
