package workflow_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
)

// control is a row about an order, as the bridge of the clock writes it.
func control(w *world, inc string, version int64, e workflow.QuarantineEvent, c workflow.ControlChange) handlers.Message {
	e.Kind, e.Version, c.Incident = workflow.ControlChanged, version, inc
	e.ID = fmt.Sprintf("control:%d:%s:%s", version, c.Verb, inc)
	e.Control = &c
	return poisonEvent(w, e)
}

func paused(w *world, inc string, version int64) handlers.Message {
	return control(w, inc, version, workflow.QuarantineEvent{Subscription: "orders", By: "ana", Reason: "INC-1\nplease"},
		workflow.ControlChange{Verb: workflow.ControlPaused, Until: morning.Add(4 * time.Hour), Standing: true})
}

func resumed(w *world, inc string, version int64) handlers.Message {
	return control(w, inc, version, workflow.QuarantineEvent{Subscription: "orders", By: "ben", Reason: "it works"},
		workflow.ControlChange{Verb: workflow.ControlResumed, Ends: version - 1})
}

func withChannel(w *world) incident.Incident {
	inc := w.declare(incident.NewParams{Severity: "minor"})
	w.settle("channel.create")
	return inc
}

// controlScenarios are those of the crash matrix: whichever line a process dies at, one line and one banner.
func controlScenarios() []scenario {
	return []scenario{
		{"an order is shown", "control.note", func(w *world) handlers.Message {
			return paused(w, withChannel(w).ID, 5)
		}, func(t *testing.T, w *world) {
			inc := w.newest()
			want(t, "lines", len(w.events(inc.ID, incident.EvControlChanged)), 1)
			want(t, "banners", len(w.out.in("C-"+inc.ID)), 1)
		}},
		{"and its end", "control.note", func(w *world) handlers.Message {
			inc := withChannel(w)
			w.quietly("control.note", paused(w, inc.ID, 5))
			return resumed(w, inc.ID, 6)
		}, func(t *testing.T, w *world) {
			inc := w.newest()
			want(t, "lines", len(w.events(inc.ID, incident.EvControlChanged)), 2)
			posts := w.out.in("C-" + inc.ID)
			want(t, "banners", len(posts), 1)
			want(t, "title", posts[0].latest.Title, "ENDED: orders was paused")
		}},
	}
}

func TestControl_LineAndBanner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := withChannel(w)
	m := paused(w, inc.ID, 5)
	for range 2 {
		w.quietly("control.note", m)
	}
	lines := w.events(inc.ID, incident.EvControlChanged)
	want(t, "lines", len(lines), 1)
	want(t, "line", incident.Line(lines[0]), "ana changed how work is done: orders is paused until 2026-03-04 14:00 UTC: INC-1 please")
	want(t, "key", lines[0].Key, "control:5")
	want(t, "actor", lines[0].Actor.Kind, incident.ByQuarantine)
	posts := w.out.in("C-" + inc.ID)
	want(t, "banners", len(posts), 1)
	want(t, "banner", posts[0].latest, workflow.Card{Title: "IN FORCE: orders is paused", Text: "INC-1 please", Facts: []workflow.Fact{
		{Name: "Ordered by", Value: "ana"}, {Name: "Lasts", Value: "until 2026-03-04 14:00 UTC"}, {Name: "Since", Value: "10:00 UTC"},
	}})
	// Neither of the other two says anything of it, nor takes the row.
	for _, name := range []string{"quarantine.declare", "quarantine.decided"} {
		w.quietly(name, m)
	}
	want(t, "incidents", w.count(), 1)

	w.quietly("control.note", resumed(w, inc.ID, 6))
	w.quietly("control.note", resumed(w, inc.ID, 6))
	want(t, "lines", len(w.events(inc.ID, incident.EvControlChanged)), 2)
	posts = w.out.in("C-" + inc.ID)
	want(t, "banners", len(posts), 1)
	want(t, "edits", posts[0].edits, 1)
	want(t, "title", posts[0].latest.Title, "ENDED: orders was paused")
	want(t, "text", posts[0].latest.Text, "orders runs again: it works")
}

// TestControl_EndComesFirst: the broker keeps no order, and what is over must not be shown.
func TestControl_EndComesFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := withChannel(w)
	w.quietly("control.note", resumed(w, inc.ID, 6))
	w.quietly("control.note", paused(w, inc.ID, 5))
	want(t, "banners", len(w.out.in("C-"+inc.ID)), 0)
	want(t, "lines", len(w.events(inc.ID, incident.EvControlChanged)), 2)
}

// TestControl_PostInDoubt: a banner that may be there is found before it is ended.
func TestControl_PostInDoubt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := withChannel(w)
	w.out.fault = func(op string) fault {
		if op == "post" {
			return killsAfter
		}
		return fine
	}
	if _, dead := w.handle(w.reg("control.note"), paused(w, inc.ID, 5)); !dead {
		t.Fatal("it lives")
	}
	w.out.fault = func(string) fault { return fine }
	over := resumed(w, inc.ID, 6)
	err, _ := w.handle(w.reg("control.note"), over)
	want(t, "while the claim of the dead lasts", handlers.Class(err), handlers.ClassAgain)
	w.clock.Advance(time.Minute)
	w.quietly("control.note", over)
	w.quietly("control.note", paused(w, inc.ID, 5))
	posts := w.out.in("C-" + inc.ID)
	want(t, "banners", len(posts), 1)
	want(t, "title", strings.HasPrefix(posts[0].latest.Title, "ENDED"), true)
}

func TestControl_Expires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inc := withChannel(w)
	shed := workflow.ControlChange{Verb: workflow.ControlShed, Level: "non-critical", Until: morning.Add(time.Hour), Standing: true}
	order := control(w, inc.ID, 7, workflow.QuarantineEvent{By: "ana"}, shed)
	w.quietly("control.note", order)
	want(t, "buttons", w.out.in("C-" + inc.ID)[0].latest.Buttons, []workflow.Button{{Text: "Restore", Action: workflow.ActRestore, Value: "7"}})
	w.clock.Advance(2 * time.Hour)
	shed.Verb, shed.Ends, shed.Standing = workflow.ControlExpired, 7, false
	w.quietly("control.note", control(w, inc.ID, 7, workflow.QuarantineEvent{}, shed))
	lines := w.events(inc.ID, incident.EvControlChanged)
	want(t, "lines", len(lines), 2)
	want(t, "key", lines[1].Key, "control:7:expired")
	want(t, "title", w.out.in("C-" + inc.ID)[0].latest.Title, "ENDED: non-critical work was held back")
	want(t, "buttons", len(w.out.in("C-" + inc.ID)[0].latest.Buttons), 0)
	// An order that comes after its end shows nothing, in any incident.
	late := withChannel(w)
	shed.Verb, shed.Ends, shed.Standing = workflow.ControlShed, 0, true
	w.quietly("control.note", control(w, late.ID, 7, workflow.QuarantineEvent{By: "ana"}, shed))
	want(t, "late banners", len(w.out.in("C-"+late.ID)), 0)
}

// TestControl_WhereItIsNotShown: ended incidents have a row that says so, so that nobody asks again; an
// open one without a channel has none, since it may come to have one.
func TestControl_WhereItIsNotShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ended := withChannel(w)
	w.do(ended.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Cancel(act, "a mistake")
	})
	triage, _, err := w.svc.Report(t.Context(), person("ana"), incident.NewParams{Name: "slow", Keys: []incident.Key{incident.NewKey("t", false)}})
	if err != nil {
		t.Fatal(err)
	}
	retro, _, err := w.svc.Import(t.Context(), person("ana"), incident.ImportParams{
		NewParams: incident.NewParams{Name: "long ago", Keys: []incident.Key{incident.NewKey("import:1", false)}},
		Times:     incident.Times{Reported: morning.Add(-5 * time.Hour), Resolved: morning.Add(-4 * time.Hour)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, inc := range []string{ended.ID, triage.ID, retro.ID, "01950000-0000-7000-8000-999999999999"} {
		w.quietly("control.note", paused(w, inc, 5))
	}
	want(t, "banners", len(w.out.in("C-"+ended.ID)), 0)
	want(t, "lines of the ended", len(w.events(ended.ID, incident.EvControlChanged)), 0)
	want(t, "lines of the retrospective", len(w.events(retro.ID, incident.EvControlChanged)), 0)
	want(t, "lines in triage", len(w.events(triage.ID, incident.EvControlChanged)), 1)
	for _, id := range []string{ended.ID, retro.ID} {
		if row, err := w.store.Effect(t.Context(), workflow.BannerKey(5, id)); err != nil || row.State != incident.EffectFailed {
			t.Errorf("row of the ended: %+v, %v", row, err)
		}
	}
	if _, err := w.store.Effect(t.Context(), workflow.BannerKey(5, triage.ID)); err == nil {
		t.Error("the one in triage has a row")
	}
	// Accepted and with a channel, it is shown when somebody asks again.
	w.do(triage.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Accept(act, incident.AcceptParams{Severity: "minor"})
	})
	w.settle("channel.create")
	w.quietly("control.note", paused(w, triage.ID, 5))
	want(t, "banners after it was accepted", len(w.out.in("C-"+triage.ID)), 1)
}

// TestControl_BeforeItsTime: what ended before an incident began is none of its business.
func TestControl_BeforeItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.clock.Advance(time.Hour)
	inc := withChannel(w)
	e := workflow.QuarantineEvent{Subscription: "orders", By: "ben", At: morning}
	w.quietly("control.note", control(w, inc.ID, 6, e, workflow.ControlChange{Verb: workflow.ControlResumed, Ends: 5}))
	want(t, "lines", len(w.events(inc.ID, incident.EvControlChanged)), 0)
	e.At = morning
	w.quietly("control.note", control(w, inc.ID, 8, e, workflow.ControlChange{Verb: workflow.ControlPaused, Standing: true}))
	lines := w.events(inc.ID, incident.EvControlChanged)
	want(t, "lines", len(lines), 1)
	want(t, "when", lines[0].OccurredAt, morning)
}

func TestQuarantine_TheRowBearsTheWordOfTheOneWhoAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := poisonEvent(w, poisoned("e1", "f1", "Q-1"))
	for _, name := range []string{"quarantine.decided", "control.note", "quarantine.declare"} {
		w.quietly(name, m)
	}
	row, err := w.store.Inbound(t.Context(), "q:e1")
	if err != nil {
		t.Fatal(err)
	}
	want(t, "result", row.Result, "INC-1")
}

func TestControlChange_Refusals(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing ordered":  `{"v":1,"id":"c","kind":"control_changed","version":5}`,
		"no version":       `{"v":1,"id":"c","kind":"control_changed","subscription":"o","control":{"incident":"i","verb":"pause"}}`,
		"no incident":      `{"v":1,"id":"c","kind":"control_changed","version":5,"subscription":"o","control":{"verb":"pause"}}`,
		"no subscription":  `{"v":1,"id":"c","kind":"control_changed","version":5,"control":{"incident":"i","verb":"resume"}}`,
		"no level":         `{"v":1,"id":"c","kind":"control_changed","version":5,"control":{"incident":"i","verb":"shed"}}`,
		"an unknown verb":  `{"v":1,"id":"c","kind":"control_changed","version":5,"subscription":"o","control":{"incident":"i","verb":"purge"}}`,
		"a negative order": `{"v":1,"id":"c","kind":"control_changed","version":5,"subscription":"o","control":{"incident":"i","verb":"resume","ends":-1}}`,
	} {
		if e, err := workflow.ParseQuarantineEvent([]byte(body)); err == nil {
			t.Errorf("%s: %+v", name, e)
		}
	}
}
