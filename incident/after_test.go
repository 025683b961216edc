package incident_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
)

func TestResolve_LeadsWhereSomethingIsLeftToDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		severity string
		entry    bool
		want     incident.Status
	}{
		"a flow applies":              {"critical", false, incident.Documenting},
		"no flow":                     {"minor", false, incident.Closed},
		"no severity, so no flow":     {"", false, incident.Closed},
		"no flow, an undecided entry": {"minor", true, incident.Documenting},
	} {
		s := newStage(t)
		inc := s.declare(c.severity)
		if c.entry {
			_, err := inc.AttachEntry(s.act(ana), incident.Entry{Ref: "Q-1"})
			s.must(err)
		}
		evs, err := inc.Resolve(s.act(ana), incident.ResolveParams{Message: "rolled back"})
		s.must(err)
		if inc.Status != c.want || inc.Times.Resolved != s.now || !inc.NextUpdateDue.IsZero() {
			t.Errorf("%s: %s, %+v", name, inc.Status, inc.Times)
		}
		if inc.LastUpdate == nil || inc.LastUpdate.EventID != evs[0].ID {
			t.Errorf("%s: the last update is %+v", name, inc.LastUpdate)
		}
		if closed := !inc.Times.Closed.IsZero(); closed != (c.want == incident.Closed) {
			t.Errorf("%s: closed at %s", name, inc.Times.Closed)
		}
	}
	s := newStage(t)
	evs, err := s.declare("minor").Resolve(s.act(ana), incident.ResolveParams{})
	s.must(err)
	wantTypes(t, evs, incident.EvResolved, incident.EvClosed, incident.EvStatus)
	evs, err = s.declare("major").Resolve(s.act(ana), incident.ResolveParams{})
	s.must(err)
	wantTypes(t, evs, incident.EvResolved, incident.EvStatus, incident.EvTaskCreated, incident.EvTaskCreated)
}

func TestAdvance_WaitsForTheGateOfEachStage(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.in(incident.Documenting)
	step := func(want incident.Status, verb func() ([]incident.Event, error), events ...incident.EventType) {
		t.Helper()
		_, err := verb()
		s.must(err)
		act := s.act(ana)
		act.Key = "the verb before has used it"
		evs, err := inc.Advance(act)
		s.must(err)
		wantTypes(t, evs, events...)
		if len(evs) > 0 && evs[0].Key != "" {
			t.Errorf("it took the key %q", evs[0].Key)
		}
		if inc.Status != want {
			t.Fatalf("it is %s, want %s", inc.Status, want)
		}
	}
	nothing := func() ([]incident.Event, error) { return nil, nil }
	step(incident.Documenting, nothing)
	step(incident.Documenting, func() ([]incident.Event, error) {
		return inc.AttachEntry(s.act(ana), incident.Entry{Ref: "Q-1", Version: 1})
	})
	step(incident.Documenting, func() ([]incident.Event, error) { return inc.CompleteTask(s.act(ana), "write") })
	step(incident.Reviewing, func() ([]incident.Event, error) {
		return inc.DecideEntry(s.act(ana), incident.EntryDecision{Ref: "Q-1", Version: 2, Decision: "discarded"})
	}, incident.EvStatus)
	step(incident.Reviewing, func() ([]incident.Event, error) { return inc.SkipTask(s.act(ana), "debrief", "too small") })
	step(incident.Closed, func() ([]incident.Event, error) {
		return inc.Edit(s.act(ana), incident.EditParams{Fields: map[string]incident.FieldValue{"cause": {"poison"}}})
	}, incident.EvClosed, incident.EvStatus)
	step(incident.Closed, nothing)
}

func TestAdvance_TakesBothStepsAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.rules.Flows, s.rules.Fields = nil, nil
	inc := s.declare("minor")
	_, err := inc.AttachEntry(s.act(ana), incident.Entry{Ref: "Q-1"})
	s.must(err)
	_, err = inc.Resolve(s.act(ana), incident.ResolveParams{})
	s.must(err)
	_, err = inc.DecideEntry(s.act(ana), incident.EntryDecision{Ref: "Q-1", Version: 2, Decision: "replayed"})
	s.must(err)
	evs, err := inc.Advance(s.act(ana))
	s.must(err)
	wantTypes(t, evs, incident.EvStatus, incident.EvClosed, incident.EvStatus)
}

func TestClose_NamesAllThatIsOpen(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.in(incident.Documenting)
	_, err := inc.AttachEntry(s.act(ana), incident.Entry{Ref: "Q-7F3K"})
	s.must(err)
	for _, by := range []incident.Actor{ana, boss} {
		_, err = inc.Close(s.act(by))
		gate, ok := errors.AsType[*incident.GateError](err)
		if !ok {
			t.Fatalf("got %v, want a GateError", err)
		}
		if len(gate.Entries) != 1 || gate.Entries[0].Ref != "Q-7F3K" || len(gate.Tasks) != 2 {
			t.Errorf("it names %+v", gate)
		}
		if diff := cmp.Diff([]string{"cause"}, gate.Fields); diff != "" {
			t.Errorf("fields (-want +got):\n%s", diff)
		}
	}
}

func TestOptOut_SkipsTasksAndNothingElse(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.in(incident.Documenting)
	if _, err := inc.OptOut(s.act(ana), "known"); !errors.Is(err, incident.ErrNotAllowed) {
		t.Errorf("a responder opted out: %v", err)
	}
	_, err := inc.OptOut(s.act(boss), " ")
	wantField(t, err, "reason")

	_, err = inc.AttachEntry(s.act(ana), incident.Entry{Ref: "Q-1"})
	s.must(err)
	_, err = inc.OptOut(s.act(boss), "known")
	if gate, ok := errors.AsType[*incident.GateError](err); !ok || len(gate.Entries) != 1 || len(gate.Tasks) != 0 || len(gate.Fields) != 1 {
		t.Fatalf("got %v, want the gate of the entry and the field", err)
	}
	_, err = inc.DecideEntry(s.act(ana), incident.EntryDecision{Ref: "Q-1", Version: 2, Decision: "replayed"})
	s.must(err)
	_, err = inc.Edit(s.act(ana), incident.EditParams{Fields: map[string]incident.FieldValue{"cause": {"deploy"}}})
	s.must(err)
	evs, err := inc.OptOut(s.act(boss), "known")
	s.must(err)
	wantTypes(t, evs, incident.EvTasksOptedOut, incident.EvClosed, incident.EvStatus)
	for _, task := range inc.Tasks {
		if task.State != incident.TaskSkipped || task.Reason != "known" || task.Ended != s.now {
			t.Errorf("task %+v", task)
		}
	}
}

func TestReopen_BringsPeopleAndKeysBack(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("minor")
	inc.Keys = append(inc.Keys, incident.NewKey("alert:a", true))
	_, err := inc.Join(s.act(ana), "ben", incident.Observer)
	s.must(err)
	_, err = inc.Leave(s.act(ana), "ben")
	s.must(err)
	_, err = inc.Resolve(s.act(ana), incident.ResolveParams{})
	s.must(err)
	resolved := inc.Times.Resolved
	if got := len(inc.Held()); got != 1 {
		t.Errorf("closed, it holds %d keys", got)
	}
	_, err = inc.Reopen(s.act(ana), "")
	wantField(t, err, "reason")
	evs, err := inc.Reopen(s.act(ana), "it is back")
	s.must(err)
	wantTypes(t, evs, incident.EvReopened, incident.EvStatus)
	ben, _ := inc.ParticipantOf("ben")
	if inc.Reopens != 1 || !inc.Times.Closed.IsZero() || inc.Times.Resolved != resolved || !ben.Left.IsZero() ||
		len(inc.Held()) != 2 || inc.NextUpdateDue.IsZero() {
		t.Errorf("reopened %+v", inc)
	}
}

func TestResolve_AgainKeepsTheTasksThatAreThere(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.in(incident.Reviewing)
	_, err := inc.Reopen(s.act(ana), "it is back")
	s.must(err)
	evs, err := inc.Resolve(s.act(ana), incident.ResolveParams{})
	s.must(err)
	wantTypes(t, evs, incident.EvResolved, incident.EvStatus)
	if inc.Status != incident.Documenting || len(inc.Tasks) != 2 || inc.Tasks[0].State != incident.TaskDone {
		t.Errorf("%s with %+v", inc.Status, inc.Tasks)
	}
}

func TestTasks_EndOnceAndOnlyAfterwards(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.in(incident.Documenting)
	_, err := inc.SkipTask(s.act(ana), "write", "")
	wantField(t, err, "reason")
	if _, err := inc.CompleteTask(s.act(ana), "odd"); !errors.Is(err, incident.ErrNotFound) {
		t.Errorf("an unknown task: %v", err)
	}
	evs, err := inc.CompleteTask(s.act(ana), "write")
	s.must(err)
	wantTypes(t, evs, incident.EvTaskDone)
	evs, err = inc.SkipTask(s.act(ana), "write", "late")
	s.must(err)
	wantTypes(t, evs)
	if inc.Tasks[0].State != incident.TaskDone {
		t.Errorf("it was done and is %s", inc.Tasks[0].State)
	}
	for _, status := range []incident.Status{incident.Fixing, incident.Closed} {
		_, err := s.in(status).CompleteTask(s.act(ana), "write")
		if _, ok := errors.AsType[*incident.TransitionError](err); !ok {
			t.Errorf("%s: got %v", status, err)
		}
	}
}

// A paused incident can be resolved at once: both verbs happen, in one change, with the key on the first.
func TestResolve_Resume(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("minor")
	_, err := inc.Pause(s.act(ana), "supplier")
	s.must(err)
	if _, err := inc.Resolve(s.act(ana), incident.ResolveParams{}); !errors.As(err, new(*incident.TransitionError)) {
		t.Fatalf("without a word: %v", err)
	}
	act := s.act(ana)
	act.Key = "k"
	evs, err := inc.Resolve(act, incident.ResolveParams{Message: "over", Resume: true})
	s.must(err)
	wantTypes(t, evs, incident.EvResumed, incident.EvStatus, incident.EvResolved, incident.EvClosed, incident.EvStatus)
	for i, e := range evs {
		if (e.Key == "k") != (i == 0) {
			t.Errorf("event %d has the key %q", i, e.Key)
		}
	}
	if inc.Status != incident.Closed || inc.Resumes != "" {
		t.Errorf("it is %s and goes back to %q", inc.Status, inc.Resumes)
	}
	again := s.declare("minor") // one that is not paused is resolved as ever
	if _, err := again.Resolve(s.act(ana), incident.ResolveParams{Resume: true}); err != nil || again.Status != incident.Closed {
		t.Errorf("it is %s, %v", again.Status, err)
	}
}
