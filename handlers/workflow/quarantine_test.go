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

func poisoned(id, fingerprint, entry string) workflow.QuarantineEvent {
	return workflow.QuarantineEvent{
		ID: id, Kind: workflow.EntryQuarantined, Fingerprint: fingerprint, Entry: entry, Version: 1, Subscription: "orders", Title: "boom in " + fingerprint,
	}
}

func (w *world) poison(e workflow.QuarantineEvent) {
	w.t.Helper()
	m := poisonEvent(w, e)
	w.quietly("quarantine.declare", m)
	w.quietly("quarantine.decided", m)
}

func TestQuarantine_OneIncidentForEachFingerprint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.poison(workflow.QuarantineEvent{ID: "g", Kind: workflow.GroupOpened, Fingerprint: "f1", Group: "G-1", Subscription: "orders"})
	for n := range 5 {
		w.poison(poisoned(fmt.Sprintf("e%d", n), "f1", fmt.Sprintf("Q-%d", n)))
		w.poison(poisoned(fmt.Sprintf("e%d", n), "f1", fmt.Sprintf("Q-%d", n)))
	}
	w.poison(poisoned("x", "f2", "Q-x"))
	want(t, "incidents", w.count(), 2)
	first := w.get("INC-1")
	want(t, "status", first.Status, incident.Triage)
	want(t, "entries", len(first.Entries), 5)
	want(t, "calls", len(first.Escalations), 0) // it is not critical
}

func TestQuarantine_CriticalOnesCallOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 3 {
		e := poisoned(fmt.Sprintf("e%d", n), "f1", fmt.Sprintf("Q-%d", n))
		e.Critical = n > 0 // it became critical later
		w.poison(e)
	}
	inc := w.newest()
	want(t, "calls", len(inc.Escalations), 1)
	want(t, "path", inc.Escalations[0].Path, "oncall")
}

func TestQuarantine_AStormIsOneIncident(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 12 {
		w.poison(poisoned(fmt.Sprintf("e%d", n), fmt.Sprintf("f%d", n), fmt.Sprintf("Q-%d", n)))
	}
	want(t, "incidents", w.count(), 6)
	want(t, "in the storm", len(w.newest().Entries), 7)
	// A decision finds its entry in the storm.
	w.poison(workflow.QuarantineEvent{ID: "d", Kind: workflow.EntryReplayed, Entry: "Q-11", Version: 2, By: "ana"})
	decided := w.newest().Entries[6]
	want(t, "decision", decided.Decision, "replayed")
}

// TestQuarantine_OfThePipelineOpensNothing: every message more would be one for what is poisoned.
func TestQuarantine_OfThePipelineOpensNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n, r := range w.regs {
		e := poisoned(fmt.Sprintf("e%d", n), fmt.Sprintf("f%d", n), fmt.Sprintf("Q-%d", n))
		e.Subscription, e.Critical = r.Subscription(), true
		before := w.count()
		w.poison(e)
		opened := w.count() > before
		if opened == r.Pipeline {
			t.Errorf("%s: pipeline %v, opened %v", r.Name, r.Pipeline, opened)
		}
		w.clock.Advance(11 * time.Minute)
	}
	before := w.count()
	for _, sub := range []string{"orders--slack-sync", "quarantine-reports", "shop--channel-create", "clock"} {
		e := poisoned(sub, "f-"+sub, "Q-"+sub)
		e.Subscription = sub
		w.poison(e)
	}
	want(t, "of others", w.count()-before, 4)
	e := poisoned("cmd", "f-cmd", "Q-cmd")
	e.Subscription = "slack-inbound--slack-command"
	w.poison(e)
	want(t, "of the chat", w.count()-before, 4)
}

func TestQuarantine_DecisionsFindIncidentsThatHaveEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.poison(poisoned("e1", "f1", "Q-1"))
	inc := w.newest()
	w.do(inc.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, incident.ResolveParams{})
	})
	want(t, "waits for the decision", w.get(inc.ID).Status, incident.Documenting)
	w.poison(workflow.QuarantineEvent{ID: "d1", Kind: workflow.EntryDiscarded, Entry: "Q-1", Version: 2, By: "ben", Reason: "a test order"})
	inc = w.get(inc.ID)
	want(t, "decision", inc.Entries[0].Decision, "discarded")
	want(t, "closed", inc.Status, incident.Closed)
	// What is restored after the close is noted, and reopens nothing.
	w.poison(workflow.QuarantineEvent{ID: "d2", Kind: workflow.EntryRestored, Entry: "Q-1", Version: 3, By: "ben"})
	inc = w.get(inc.ID)
	want(t, "undecided", inc.Entries[0].Decision, "")
	want(t, "still closed", inc.Status, incident.Closed)
	// An older decision that comes late changes nothing.
	w.poison(workflow.QuarantineEvent{ID: "d1b", Kind: workflow.EntryDiscarded, Entry: "Q-1", Version: 2, By: "ben"})
	want(t, "still undecided", w.get(inc.ID).Entries[0].Decision, "")
}

func TestQuarantine_ADecisionWaitsForItsIncidentForAWhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := poisonEvent(w, workflow.QuarantineEvent{ID: "d1", Kind: workflow.EntryReplayed, Entry: "Q-1", Version: 2})
	err, _ := w.handle(w.reg("quarantine.decided"), m)
	want(t, "too early", handlers.Class(err), handlers.ClassAgain)
	w.poison(poisoned("e1", "f1", "Q-1"))
	w.quietly("quarantine.decided", m)
	want(t, "decision", w.newest().Entries[0].Decision, "replayed")

	lost := poisonEvent(w, workflow.QuarantineEvent{ID: "d2", Kind: workflow.EntryReplayed, Entry: "Q-nobody", Version: 2})
	w.clock.Advance(3 * time.Minute)
	w.quietly("quarantine.decided", lost)
}

func TestQuarantine_OldOnesOpenNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := poisonEvent(w, poisoned("e1", "f1", "Q-1"))
	w.clock.Advance(25 * time.Hour)
	w.quietly("quarantine.declare", m)
	want(t, "incidents", w.count(), 0)
}

func TestQuarantine_ACrashThatNobodyIsBlamedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := workflow.QuarantineEvent{ID: "c1", Kind: workflow.WorkerCrashed, Crash: "CR-1", Title: "out of memory", URL: "https://t.example/crash/1"}
	w.poison(e)
	w.poison(e)
	e.ID = "c2"
	w.poison(e)
	want(t, "incidents", w.count(), 1)
	inc := w.newest()
	want(t, "attachments", len(inc.Attachments), 1)
	want(t, "lines", len(w.events(inc.ID, incident.EvItemAdded)), 1) // the first is the incident itself
}

// TestQuarantine_DecisionsFollowAMerge: what was undecided lives on in another incident, which could never
// close if nobody told it.
func TestQuarantine_DecisionsFollowAMerge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.poison(poisoned("e1", "f1", "Q-1"))
	first := w.newest()
	second, third := w.declare(incident.NewParams{Severity: "minor"}), w.declare(incident.NewParams{Severity: "minor"})
	for _, merge := range [][2]string{{first.ID, second.ID}, {second.ID, third.ID}} {
		if _, _, err := w.svc.Merge(t.Context(), merge[0], merge[1], person("ana"), "the same"); err != nil {
			t.Fatal(err)
		}
	}
	m := poisonEvent(w, workflow.QuarantineEvent{ID: "d1", Kind: workflow.EntryReplayed, Entry: "Q-1", Version: 2, By: "ben"})
	w.quietly("quarantine.decided", m)
	w.quietly("quarantine.decided", m)
	want(t, "decision", w.get(third.ID).Entries[0].Decision, "replayed")
	want(t, "told", len(w.events(third.ID, incident.EvEntryDecided)), 1)
}

// TestQuarantine_MergedWhileItIsDecided: the decision was on its way to the one that is no more.
func TestQuarantine_MergedWhileItIsDecided(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.poison(poisoned("e1", "f1", "Q-1"))
	first, second := w.newest(), w.declare(incident.NewParams{Severity: "minor"})
	merged := false
	w.serviceThat(func(op string) {
		if op == "get" && !merged {
			merged = true
			if _, _, err := w.svc.Merge(t.Context(), first.ID, second.ID, person("ana"), "the same"); err != nil {
				t.Fatal(err)
			}
		}
	})
	w.quietly("quarantine.decided", poisonEvent(w, workflow.QuarantineEvent{ID: "d1", Kind: workflow.EntryReplayed, Entry: "Q-1", Version: 2, By: "ben"}))
	want(t, "decision", w.get(second.ID).Entries[0].Decision, "replayed")
}

// TestQuarantine_AnOldPoisonComesAgain: what an entry opened it opens once, though its incident has ended,
// and though there is another one of its kind by now.
func TestQuarantine_AnOldPoisonComesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := poisonEvent(w, poisoned("e1", "f1", "Q-1"))
	w.quietly("quarantine.declare", old)
	first := w.newest()
	w.do(first.ID, person("ana"), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, incident.ResolveParams{})
	})
	w.quietly("quarantine.declare", old)
	want(t, "incidents", w.count(), 1)
	w.poison(poisoned("e2", "f1", "Q-2"))
	want(t, "of the next", w.count(), 2)
	w.quietly("quarantine.declare", old)
	want(t, "then", w.count(), 2)
	want(t, "in the second", len(w.newest().Entries), 1)
	// Something else is said of it, such as that it killed a worker.
	other := poisoned("e3", "f9", "Q-1")
	other.Kind, other.Crash = workflow.WorkerCrashed, "CR-1"
	w.quietly("quarantine.declare", poisonEvent(w, other))
	want(t, "still", w.count(), 2)
}

// TestQuarantine_ADecisionWaitsForWhatIsOnItsWay: after an outage both are handled at once, in any order.
func TestQuarantine_ADecisionWaitsForWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := poisoned(workflow.PoisonID("Q-1"), "f1", "Q-1")
	e.V, e.At = 1, w.clock.Now()
	poison := w.row(incident.TopicQuarantine, string(e.Kind), e.ID, e, nil)
	decision := poisonEvent(w, workflow.QuarantineEvent{ID: "d1", Kind: workflow.EntryReplayed, Entry: "Q-1", Version: 2, Subscription: "orders"})
	w.clock.Advance(time.Hour)
	err, _ := w.handle(w.reg("quarantine.decided"), decision)
	want(t, "while the entry waits", handlers.Class(err), handlers.ClassAgain)
	w.poison(poisoned("e0", "f1", "Q-0"))
	decision = poisonEvent(w, workflow.QuarantineEvent{ID: "d1", Kind: workflow.EntryReplayed, Entry: "Q-1", Version: 2, Fingerprint: "f1", Subscription: "orders"})
	err, _ = w.handle(w.reg("quarantine.decided"), decision)
	want(t, "while another of its kind is there", handlers.Class(err), handlers.ClassAgain)
	w.quietly("quarantine.declare", poison)
	w.quietly("quarantine.decided", decision)
	want(t, "decision", w.newest().Entries[1].Decision, "replayed")
	// What was handled and left no incident behind is not waited for.
	e.ID, e.Entry = workflow.PoisonID("Q-2"), "Q-2"
	w.row(incident.TopicQuarantine, string(e.Kind), e.ID, e, nil)
	if err := w.store.Handled(t.Context(), e.ID, "too late to open an incident"); err != nil {
		t.Fatal(err)
	}
	w.quietly("quarantine.decided", poisonEvent(w, workflow.QuarantineEvent{
		ID: "d2", Kind: workflow.EntryReplayed, Entry: "Q-2", Version: 2, At: w.clock.Now().Add(-time.Hour),
	}))
}

func FuzzQuarantineEvent(f *testing.F) {
	f.Add([]byte(`{"v":1,"id":"e1","kind":"entry_quarantined","fingerprint":"f","entry":"Q-1","version":1}`))
	f.Add([]byte(`{"v":1,"id":"e1","kind":"worker_crashed","crash":"CR\u0000","url":"javascript:x","at":"0001-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"v":1,"id":"d","kind":"restored","entry":"\u202e","version":9223372036854775807}`))
	f.Add([]byte(`{"v":1,"id":"c","kind":"control_changed","version":5,"subscription":"o\u0000","control":{"incident":"1","verb":"pause","ends":4}}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, body []byte) {
		w := newWorld(t)
		for _, name := range []string{"quarantine.declare", "quarantine.decided", "control.note"} {
			m := handlers.Message{ID: "q", Data: body, PublishedAt: morning}
			for range 2 {
				err, dead := w.handle(w.reg(name), m)
				if dead || (err != nil && !handlers.IsPermanent(err) && handlers.Class(err) != handlers.ClassAgain) {
					t.Fatalf("%s answered %v", name, err)
				}
			}
		}
		if n := w.count(); n > 1 {
			t.Fatalf("%d incidents", n)
		}
		if w.count() == 1 && strings.ContainsAny(w.newest().Name, "\x00\n") {
			t.Fatalf("name %q", w.newest().Name)
		}
	})
}
