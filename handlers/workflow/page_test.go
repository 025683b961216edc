package workflow_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
)

func ack(by string) incident.Verb {
	return func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) { return inc.Ack(act, "") }
}

func TestPage_AnsweredJustBeforeItIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "critical"})
	due := w.latest(inc.ID, incident.EvLevelDue)
	claimed := false
	w.out.step = func(op string) {}
	w.crashAt = 0
	// The claim is taken, and then somebody answers.
	w.svc = w.serviceThat(func(op string) {
		if op == "after claim" && !claimed {
			claimed = true
			w.do(inc.ID, person("ben"), ack("ben"))
		}
	})
	w.quietly("escalation.page", due)
	want(t, "pages", len(w.out.pages), 0)
	want(t, "told", len(w.out.in("C-ops")), 0)
	for _, ev := range w.events(inc.ID, incident.EvEffectSkipped) {
		if data, _ := incident.DataOf[incident.DataEffect](ev); data.Why != "ben has answered" {
			t.Errorf("skipped because %q", data.Why)
		}
	}
}

// serviceThat makes the handlers anew, over a store that tells of its calls.
func (w *world) serviceThat(step func(string)) *incident.Service {
	w.t.Helper()
	plain, err1 := incident.NewService(incident.Config{Stores: w.store, Now: w.clock.Now, SettingsAge: time.Nanosecond})
	telling, err2 := incident.NewService(incident.Config{Stores: stepping{w.store, step}, Now: w.clock.Now, SettingsAge: time.Nanosecond})
	if err1 != nil || err2 != nil {
		w.t.Fatal(err1, err2)
	}
	w.regs = workflow.All(workflow.Deps{Service: telling, Chat: w.out, Notifier: w.out, Webhooks: w.out, Tracker: w.out, Now: w.clock.Now})
	return plain
}

func TestPage_AnsweredWhileItIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "critical"})
	due := w.latest(inc.ID, incident.EvLevelDue)
	var acked handlers.Message
	w.out.step = func(op string) {
		if op == "page" && acked.ID == "" {
			w.do(inc.ID, person("ben"), ack("ben"))
			acked = w.latest(inc.ID, incident.EvAcked)
			err, _ := w.handle(w.reg("escalation.page"), acked)
			want(t, "while it is sent", handlers.Class(err), handlers.ClassAgain)
		}
	}
	w.quietly("escalation.page", due)
	w.quietly("escalation.page", acked)
	key := "page:" + inc.Escalations[0].ID + ":1:1:person:ana"
	want(t, "ended", w.out.ended[key], []string{"ack ana"})
}

func TestPage_InDoubtAndThenAnsweredIsEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "critical"})
	due := w.latest(inc.ID, incident.EvLevelDue)
	w.out.fault = func(op string) fault {
		if op == "page" {
			return killsAfter
		}
		return fine
	}
	if _, dead := w.handle(w.reg("escalation.page"), due); !dead {
		t.Fatal("it lives")
	}
	w.out.fault = func(string) fault { return fine }
	w.do(inc.ID, person("ben"), ack("ben"))
	w.clock.Advance(time.Minute)
	w.quietly("escalation.page", due) // refused, since it was answered
	w.quietly("escalation.page", w.latest(inc.ID, incident.EvAcked))
	key := "page:" + inc.Escalations[0].ID + ":1:1:person:ana"
	want(t, "calls", len(w.out.pages[key]), 1)
	want(t, "ended", w.out.ended[key], []string{"ack ana"})
}

// Who calls is told when an earlier attempt may have called, and not otherwise.
func TestPage_SecondTime_SaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "critical"})
	due := w.latest(inc.ID, incident.EvLevelDue)
	w.out.fault = func(op string) fault {
		if op == "page" {
			return killsAfter
		}
		return fine
	}
	if _, dead := w.handle(w.reg("escalation.page"), due); !dead {
		t.Fatal("it lives")
	}
	w.out.fault = func(string) fault { return fine }
	w.clock.Advance(time.Minute)
	w.quietly("escalation.page", due)
	var again []bool
	for _, p := range w.out.pages["page:"+inc.Escalations[0].ID+":1:1:person:ana"] {
		again = append(again, p.Again)
	}
	want(t, "again", again, []bool{false, true})
}

func TestPage_EndsWithTheIncident(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "critical"})
	w.work()
	w.do(inc.ID, person("ben"), ack("ben"))
	w.work()
	w.do(inc.ID, person("ben"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, incident.ResolveParams{})
	})
	w.work()
	key := "page:" + inc.Escalations[0].ID + ":1:1:person:ana"
	want(t, "ended", w.out.ended[key], []string{"ack ana", "resolve ana"})
}

func TestPage_WholeEscalationUntilNobodyIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "critical"})
	w.work()
	w.pass(40*time.Minute, 5*time.Second)
	id := inc.Escalations[0].ID
	var keys []string
	for key, pages := range w.out.pages {
		keys = append(keys, strings.TrimPrefix(key, "page:"+id+":"))
		want(t, key, len(pages), 1)
	}
	slices.Sort(keys)
	want(t, "pages", keys, []string{"1:1:person:ana", "1:2:rotation:backend", "2:1:person:ana", "2:2:rotation:backend"})
	want(t, "state", w.get(inc.ID).Escalations[0].State, incident.Exhausted)
	want(t, "held", w.held, nil)
	for _, place := range []string{"C-all", "C-crit", "C-" + inc.ID} {
		posts := w.out.in(place)
		told := slices.ContainsFunc(posts, func(p posted) bool { return strings.HasPrefix(p.latest.Text, "Nobody answered") })
		want(t, "said in "+place, told, true)
	}
	if last := w.out.pages["page:"+id+":1:2:rotation:backend"][0]; !strings.Contains(last.Text, "Called before: ana, C-ops") || last.Person.ID != "cleo" {
		t.Errorf("the page says %+v", last)
	}
}

func TestPage_NobodyThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := testSettings()
	s.Paths[0].Levels[0].Targets = []incident.Target{{Kind: incident.ToPerson, ID: "zoe"}}
	w.saveSettings(s)
	inc := w.declare(incident.NewParams{Severity: "critical"})
	w.work()
	want(t, "pages", len(w.out.pages), 0)
	want(t, "notified", w.get(inc.ID).Escalations[0].Notified, false)
	w.pass(11*time.Minute, 5*time.Second)
	if got := w.get(inc.ID).Escalations[0]; got.Level != 2 {
		t.Errorf("it stands at %+v", got)
	}
	want(t, "held", w.held, nil)
}

// TestPage_NotifierDownForLong: a page that could not be sent in time is not sent, and the next level is.
func TestPage_NotifierDownForLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.out.fault = func(op string) fault {
		if op == "page" && w.clock.Now().Before(morning.Add(11*time.Minute)) || op == "post" {
			return lostBefore
		}
		return fine
	}
	inc := w.declare(incident.NewParams{Severity: "critical"})
	w.work()
	w.pass(13*time.Minute, 5*time.Second)
	id := inc.Escalations[0].ID
	want(t, "late page", len(w.out.pages["page:"+id+":1:1:person:ana"]), 0)
	want(t, "next level", len(w.out.pages["page:"+id+":1:2:rotation:backend"]), 1)
	want(t, "held", w.held, nil)
}

func TestPage_OutOfHoursIsOnlyTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.clock.Set(time.Date(2026, 3, 7, 3, 0, 0, 0, time.UTC)) // a Saturday night
	w.declare(incident.NewParams{Severity: "major"})
	w.work()
	want(t, "pages", len(w.out.pages), 0)
	want(t, "told", len(w.out.in("ana"))+len(w.out.in("C-ops")), 2)
}

// TestEscalation_ATickThatComesEarly: it is put out by the store's clock, and the worker's is behind. The next
// one for the same time is minutes away.
func TestEscalation_ATickThatComesEarly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "critical"})
	w.settle("escalation.page")
	now := w.get(inc.ID)
	due := now.PageDueAt()
	w.clock.Set(due.Add(-3 * time.Second))
	in := incident.Tick{Job: incident.JobDue, IncidentID: inc.ID, At: due.Truncate(time.Microsecond)}.Inbound()
	tick := w.row(in.Topic, in.Kind, in.ID, []byte("{}"), in.Attributes)
	err, _ := w.handle(w.reg("escalation.advance"), tick)
	want(t, "class", handlers.Class(err), handlers.ClassAgain)
	want(t, "wait", handlers.Delay(err), 3*time.Second)
	want(t, "level", w.get(inc.ID).Escalations[0].Level, 1)
	w.clock.Set(due)
	w.quietly("escalation.advance", tick)
	want(t, "level", w.get(inc.ID).Escalations[0].Level, 2)
	w.quietly("escalation.advance", tick) // the next step is not what it asked for
	want(t, "level", w.get(inc.ID).Escalations[0].Level, 2)
}

// What handlers write is signed for people: the timeline names the service, not one of its parts.
func TestHandlers_SignForPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := w.declare(incident.NewParams{Severity: "critical"})
	w.settle("channel.create", "escalation.page")
	for typ, words := range map[incident.EventType]string{
		incident.EvEffectDone: "Theriac made the channel #", incident.EvLevelNotified: "Theriac sent the page: level 1, round 1",
	} {
		events := w.events(inc.ID, typ)
		if len(events) == 0 || !strings.HasPrefix(incident.Line(events[0]), words) {
			t.Errorf("%s reads %v, want %q", typ, events, words)
		}
	}
}
