package incident_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
)

// wantTransition asks for a TransitionError.
func wantTransition(t *testing.T, what string, err error) {
	t.Helper()
	if _, ok := errors.AsType[*incident.TransitionError](err); !ok {
		t.Errorf("%s: got %v, want a TransitionError", what, err)
	}
}

func TestEdit_NotesWhatChanged(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("minor")
	began := start.Add(-time.Hour)
	evs, err := inc.Edit(s.act(ana), incident.EditParams{
		Name: new("checkout is slow"), Summary: new("since the deploy"), Severity: new("major"), Type: new("default"),
		Fields: map[string]incident.FieldValue{
			"parts": {"web", "", "web", "worker"}, "lost": {" 12.5 "}, "link": {"https://x.example/1"}, "who": {"ben"},
		},
		ImpactStarted: &began,
	})
	s.must(err)
	wantTypes(t, evs, incident.EvEdited, incident.EvSeverity)
	want := incident.DataEdited{Changes: []incident.FieldChange{
		{Field: "name", From: "checkout is down", To: "checkout is slow"},
		{Field: "summary", To: "since the deploy"},
		{Field: "type", To: "default"},
		{Field: "impact_started", To: "2022-11-18T14:40:00Z"},
		{Field: "fields.lost", To: "12.5"},
		{Field: "fields.link", To: "https://x.example/1"},
		{Field: "fields.who", To: "ben"},
		{Field: "fields.parts", To: "web, worker"},
	}}
	if diff := cmp.Diff(want, data[incident.DataEdited](t, evs[0])); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if inc.NextUpdateDue != s.now.Add(30*time.Minute) {
		t.Errorf("a worse severity asks for an update by %s", inc.NextUpdateDue)
	}
	updated := inc.Times.Updated
	evs, err = inc.Edit(s.act(ana), incident.EditParams{
		Name: new(" checkout is slow"), Severity: new("major"), ImpactStarted: &began, Fields: map[string]incident.FieldValue{"who": {"ben"}},
	})
	s.must(err)
	wantTypes(t, evs)
	if inc.Times.Updated != updated {
		t.Error("nothing changed, and it counts as updated")
	}
	evs, err = inc.Edit(s.act(ana), incident.EditParams{Fields: map[string]incident.FieldValue{"who": nil}, ImpactStarted: &time.Time{}, Type: new("")})
	s.must(err)
	wantTypes(t, evs, incident.EvEdited)
	if _, there := inc.Fields["who"]; there || !inc.Times.ImpactStarted.IsZero() || inc.Type != "" {
		t.Errorf("cleared %+v", inc)
	}
}

func TestEdit_RefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	far := start.AddDate(9000, 0, 0)
	for field, p := range map[string]incident.EditParams{
		"name":        {Name: new("")},
		"type":        {Type: new("odd")},
		"severity":    {Severity: new("")},
		"fields":      {Fields: map[string]incident.FieldValue{"odd": nil}},
		"fields.lost": {Fields: map[string]incident.FieldValue{"lost": {"many"}}},
		"resolved":    {Resolved: &far},
		"reported":    {Reported: &far},
	} {
		s := newStage(t)
		_, err := s.declare("minor").Edit(s.act(ana), p)
		wantField(t, err, field)
	}
}

func TestEdit_OfWhatLivesOnElsewhere(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, status := range incident.Statuses() {
		inc := s.in(status)
		_, edit := inc.Edit(s.act(ana), incident.EditParams{Name: new("another")})
		_, severity := inc.ChangeSeverity(s.act(ana), "critical", "worse")
		for _, err := range []error{edit, severity} {
			if status == incident.Merged || status == incident.Declined {
				wantTransition(t, string(status), err)
			} else if err != nil {
				t.Errorf("%s: %v", status, err)
			}
		}
	}
}

func TestEdit_ToAPrivateTypeHidesItFirst(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	evs, err := s.declare("minor").Edit(s.act(ben), incident.EditParams{Type: new("security"), Name: new("a leak")})
	s.must(err)
	wantTypes(t, evs, incident.EvPrivate, incident.EvJoined, incident.EvEdited)
	for _, e := range evs {
		if e.Visibility != incident.Private {
			t.Errorf("%s is %s", e.Type, e.Visibility)
		}
	}
}

func TestMakePrivate_HasNoWayBack(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("minor")
	evs, err := inc.MakePrivate(s.act(ben), "names of customers")
	s.must(err)
	wantTypes(t, evs, incident.EvPrivate, incident.EvJoined)
	evs, err = inc.MakePrivate(s.act(ben), "")
	s.must(err)
	wantTypes(t, evs)
}

func TestChangeSeverity_KeepsAPromiseThatComesEarlier(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("critical")
	due := inc.NextUpdateDue
	evs, err := inc.ChangeSeverity(s.act(ana), "minor", "only one customer")
	s.must(err)
	want := incident.DataSeverity{From: "critical", To: "minor", Reason: "only one customer"}
	if diff := cmp.Diff(want, data[incident.DataSeverity](t, evs[0])); diff != "" {
		t.Errorf("severity (-want +got):\n%s", diff)
	}
	if inc.NextUpdateDue != due {
		t.Errorf("the promise moved to %s", inc.NextUpdateDue)
	}
	closed := s.in(incident.Closed)
	_, err = closed.ChangeSeverity(s.act(ana), "critical", "")
	s.must(err)
	if !closed.NextUpdateDue.IsZero() {
		t.Error("a closed incident promises an update")
	}
}

func TestRoles_PassFromHandToHand(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("minor")
	evs, err := inc.AssignRole(s.act(ana), "lead", "ben")
	s.must(err)
	wantTypes(t, evs, incident.EvAssigned, incident.EvJoined)
	since := s.now
	evs, err = inc.AssignRole(s.act(ana), "lead", "ben")
	s.must(err)
	wantTypes(t, evs)

	for name, err := range map[string]error{
		"assign":    second(inc.AssignRole(s.act(ana), "lead", "cy")),
		"hand over": second(inc.HandOver(s.act(ana), "lead", "ana", "cy", "")),
	} {
		taken, ok := errors.AsType[*incident.ConflictError](err)
		if !ok || !errors.Is(err, incident.ErrConflict) {
			t.Fatalf("%s: got %v, want a ConflictError", name, err)
		}
		if want := "the lead is ben since " + since.Format("15:04Z"); taken.What != want || taken.At != since {
			t.Errorf("%s: it says %q, want %q", name, taken.What, want)
		}
	}
	evs, err = inc.HandOver(s.act(ben), "lead", "ben", "cy", "shift ends")
	s.must(err)
	wantTypes(t, evs, incident.EvHandedOff, incident.EvJoined)
	if diff := cmp.Diff(incident.DataRole{Role: "lead", Person: "cy", From: "ben", Note: "shift ends"},
		data[incident.DataRole](t, evs[0])); diff != "" {
		t.Errorf("hand-over (-want +got):\n%s", diff)
	}
	evs, err = inc.Unassign(s.act(ana), "lead")
	s.must(err)
	wantTypes(t, evs, incident.EvUnassign)
	evs, err = inc.Unassign(s.act(ana), "lead")
	s.must(err)
	wantTypes(t, evs)
	_, err = inc.HandOver(s.act(ana), "lead", "cy", "ana", "")
	if taken, ok := errors.AsType[*incident.ConflictError](err); !ok || taken.What != "nobody is lead" {
		t.Errorf("of nobody: %v", err)
	}
}

func second(_ []incident.Event, err error) error { return err }

func TestRoles_RefuseWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("minor")
	wantField(t, second(inc.AssignRole(s.act(ana), "king", "ben")), "role")
	wantField(t, second(inc.AssignRole(s.act(ana), "lead", "")), "person")
	wantField(t, second(inc.HandOver(s.act(ana), "king", "ana", "ben", "")), "role")
	wantField(t, second(inc.HandOver(s.act(ana), "reporter", "ana", "", "")), "person")
	wantField(t, second(inc.HandOver(s.act(ana), "reporter", "ana", "ana", "")), "person")
	wantField(t, second(inc.Unassign(s.act(ana), "king")), "role")

	for _, status := range incident.Statuses() {
		inc := s.in(status)
		over := status.Final() || status == incident.Closed
		_, assign := inc.AssignRole(s.act(ana), "scribe", "ben")
		_, pass := inc.HandOver(s.act(ana), "scribe", "ben", "cy", "")
		_, take := inc.Unassign(s.act(ana), "scribe")
		for _, err := range []error{assign, pass, take} {
			if over {
				wantTransition(t, string(status), err)
			} else if err != nil {
				t.Errorf("%s: %v", status, err)
			}
		}
	}
}

func TestParticipants_RiseAndLeave(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("minor")
	join := func(kind incident.ParticipantKind, want ...incident.EventType) {
		t.Helper()
		evs, err := inc.Join(s.act(ana), "ben", kind)
		s.must(err)
		wantTypes(t, evs, want...)
	}
	join(incident.Collaborator, incident.EvJoined)
	join(incident.Observer)
	join(incident.Worker, incident.EvJoined)
	evs, err := inc.Subscribe(s.act(ana), "ben", true)
	s.must(err)
	wantTypes(t, evs, incident.EvEdited)
	evs, err = inc.Leave(s.act(ana), "ben")
	s.must(err)
	wantTypes(t, evs, incident.EvLeft)
	evs, err = inc.Leave(s.act(ana), "ben")
	s.must(err)
	wantTypes(t, evs)
	if left, _ := inc.ParticipantOf("ben"); left.Left.IsZero() || left.Subscribed {
		t.Errorf("who left is %+v", left)
	}
	join(incident.Observer, incident.EvJoined)
	if back, _ := inc.ParticipantOf("ben"); back.Kind != incident.Worker || back.Since != s.now || !back.Left.IsZero() {
		t.Errorf("who came back is %+v", back)
	}
	evs, err = inc.Subscribe(s.act(ana), "cy", true)
	s.must(err)
	wantTypes(t, evs, incident.EvJoined, incident.EvEdited)
	evs, err = inc.Subscribe(s.act(ana), "cy", false)
	s.must(err)
	wantTypes(t, evs, incident.EvEdited)
	evs, err = inc.Subscribe(s.act(ana), "nobody", false)
	s.must(err)
	wantTypes(t, evs)

	if _, err := inc.Leave(s.act(ana), "odd"); !errors.Is(err, incident.ErrNotFound) {
		t.Errorf("a stranger left: %v", err)
	}
	if _, err := inc.Leave(s.act(ana), "ana"); !errors.Is(err, incident.ErrRefused) {
		t.Errorf("the reporter left: %v", err)
	}
	wantField(t, second(inc.Join(s.act(ana), "ben", "king")), "kind")
	wantField(t, second(inc.Join(s.act(ana), "", incident.Observer)), "person")
}

func TestParticipants_OfAPrivateIncident(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("minor")
	_, err := inc.MakePrivate(s.act(ana), "")
	s.must(err)
	token := incident.Actor{Kind: incident.ByToken, ID: "ana", Role: incident.Responder}
	for _, by := range []incident.Actor{ben, token, {}} {
		if _, err := inc.Join(s.act(by), "ben", incident.Observer); !errors.Is(err, incident.ErrNotAllowed) {
			t.Errorf("%+v brought somebody: %v", by, err)
		}
		if _, err := inc.Subscribe(s.act(by), "ben", true); !errors.Is(err, incident.ErrNotAllowed) {
			t.Errorf("%+v subscribed: %v", by, err)
		}
	}
	_, err = inc.RecordActivity(s.act(ben), "cy", "message", start)
	s.must(err)
	if _, in := inc.ParticipantOf("cy"); in {
		t.Error("writing made a participant of a private incident")
	}
	for _, by := range []incident.Actor{ana, boss, {Kind: incident.ByWorkflow}} {
		_, err := inc.Join(s.act(by), "by-"+by.ID, incident.Observer)
		s.must(err)
	}
}

func TestRecordActivity_MakesObserversCollaborators(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("minor")
	at := start.Add(-time.Minute)
	for i, want := range [][]incident.EventType{
		{incident.EvActivity, incident.EvJoined},
		{incident.EvActivity},
		{incident.EvActivity, incident.EvJoined},
		{incident.EvActivity},
	} {
		evs, err := inc.RecordActivity(s.act(incident.Actor{Kind: incident.ByWorkflow}), "ben", "message", at)
		s.must(err)
		wantTypes(t, evs, want...)
		if evs[0].OccurredAt != at || evs[0].RecordedAt != s.now {
			t.Errorf("it occurred at %s", evs[0].OccurredAt)
		}
		changed := i < 3
		if got := inc.Times.Updated == s.now; got != changed {
			t.Errorf("message %d: changed is %v", i+1, got)
		}
	}
	if p, _ := inc.ParticipantOf("ben"); p.Kind != incident.Collaborator || p.Messages != 3 {
		t.Errorf("ben is %+v", p)
	}
	evs, err := inc.RecordActivity(s.act(ana), "cy", "reaction", time.Time{})
	s.must(err)
	if p, _ := inc.ParticipantOf("cy"); p.Messages != 0 || evs[0].OccurredAt != s.now {
		t.Errorf("a reaction counted: %+v", p)
	}
	wantField(t, second(inc.RecordActivity(s.act(ana), "cy", "message", start.AddDate(9000, 0, 0))), "occurred_at")
}
