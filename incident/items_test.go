package incident_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
)

func TestTimeline_LinesOccurWhenTheySay(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("minor")
	evs, err := inc.AddItem(s.act(ana), "the deploy went out", start)
	s.must(err)
	if evs[0].OccurredAt != start || evs[0].RecordedAt != s.now {
		t.Errorf("it occurred at %s and was recorded at %s", evs[0].OccurredAt, evs[0].RecordedAt)
	}
	wantField(t, second(inc.AddItem(s.act(ana), "", start)), "text")
	wantField(t, second(inc.AddItem(s.act(ana), strings.Repeat("x", 10_001), start)), "text")
}

func TestTimeline_WhoMayEditALine(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("minor")
	_, err := inc.AssignRole(s.act(ana), "lead", "lea")
	s.must(err)
	_, err = inc.AssignRole(s.act(ana), "scribe", "sam")
	s.must(err)
	evs, err := inc.AddItem(s.act(ana), "the deploy", start)
	s.must(err)
	item := evs[0]
	item.Seq = 7
	person := func(id string, r incident.Role) incident.Actor {
		return incident.Actor{Kind: incident.ByPerson, ID: id, Role: r}
	}
	for _, c := range []struct {
		by   incident.Actor
		fine bool
	}{
		{ana, true},
		{person("lea", incident.Responder), true},
		{person("sam", incident.Responder), true},
		{boss, true},
		{ben, false},
		{incident.Actor{Kind: incident.ByToken, ID: "ana", Role: incident.Responder}, false},
		{person("", incident.Responder), false},
	} {
		_, edit := inc.EditItem(s.act(c.by), item, "the second deploy", time.Time{})
		_, remove := inc.RemoveItem(s.act(c.by), item)
		for _, err := range []error{edit, remove} {
			if (err == nil) != c.fine || !c.fine && !errors.Is(err, incident.ErrNotAllowed) {
				t.Errorf("%+v: %v", c.by, err)
			}
		}
	}
}

func TestTimeline_WhatMayBeEdited(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("minor")
	evs, err := inc.AddItem(s.act(ana), "the deploy", start)
	s.must(err)
	line := evs[0]
	line.Seq = 7
	evs, err = inc.EditItem(s.act(ana), line, "the second deploy", start)
	s.must(err)
	if diff := cmp.Diff(incident.DataItem{Of: 7, Text: "the second deploy", Occurred: start}, data[incident.DataItem](t, evs[0])); diff != "" {
		t.Errorf("edit (-want +got):\n%s", diff)
	}
	wantField(t, second(inc.EditItem(s.act(ana), line, "", time.Time{})), "text")

	automatic := line
	automatic.Type = incident.EvUpdate
	_, err = inc.EditItem(s.act(ana), automatic, "", start)
	s.must(err)
	wantField(t, second(inc.EditItem(s.act(ana), automatic, "nicer", start)), "text")
	if _, err := inc.RemoveItem(s.act(ana), automatic); !errors.Is(err, incident.ErrRefused) {
		t.Errorf("an update was removed: %v", err)
	}
	for name, change := range map[string]func(*incident.Event){
		"of another incident":     func(e *incident.Event) { e.IncidentID = "other" },
		"without a number":        func(e *incident.Event) { e.Seq = 0 },
		"not on the timeline":     func(e *incident.Event) { e.Type = incident.EvNudged },
		"of a type of the future": func(e *incident.Event) { e.Type = "incident.sung" },
	} {
		e := line
		change(&e)
		if _, err := inc.EditItem(s.act(boss), e, "x", start); !errors.Is(err, incident.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestActions_BeginAndEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("minor")
	evs, err := inc.AddAction(s.act(ana), "roll back", "ben")
	s.must(err)
	id := data[incident.DataTodo](t, evs[0]).ID
	for _, c := range []struct {
		change incident.ItemChange
		want   []incident.EventType
	}{
		{incident.ItemChange{Text: new("roll back the worker"), Owner: new("")}, []incident.EventType{incident.EvActionUpdated}},
		{incident.ItemChange{Text: new("roll back the worker")}, nil},
		{incident.ItemChange{State: incident.Done}, []incident.EventType{incident.EvActionDone}},
		{incident.ItemChange{State: incident.Done}, nil},
		{incident.ItemChange{State: incident.Outstanding}, []incident.EventType{incident.EvActionUpdated}},
		{incident.ItemChange{State: incident.NotDoing}, []incident.EventType{incident.EvActionDropped}},
		{incident.ItemChange{State: incident.Deleted}, []incident.EventType{incident.EvActionUpdated}},
	} {
		evs, err := inc.ChangeAction(s.act(ana), id, c.change)
		s.must(err)
		wantTypes(t, evs, c.want...)
		if a := inc.Actions[0]; a.Ended.IsZero() != (a.State == incident.Outstanding) {
			t.Errorf("%s and ended %s", a.State, a.Ended)
		}
	}
	if _, err := inc.ChangeAction(s.act(ana), id, incident.ItemChange{State: incident.Done}); !errors.Is(err, incident.ErrNotFound) {
		t.Errorf("one that was deleted: %v", err)
	}
	evs, err = inc.AddAction(s.act(ana), "another", "")
	s.must(err)
	id = data[incident.DataTodo](t, evs[0]).ID
	wantField(t, second(inc.ChangeAction(s.act(ana), id, incident.ItemChange{Priority: new("high")})), "action")
	wantField(t, second(inc.ChangeAction(s.act(ana), id, incident.ItemChange{State: "odd"})), "state")
	wantField(t, second(inc.AddAction(s.act(ana), "", "")), "text")
	wantField(t, second(inc.AddAction(s.act(ana), "x", "a\nb")), "owner")
}

func TestFollowUps_BeginAndEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.in(incident.Closed)
	due := start.AddDate(0, 0, 7)
	evs, err := inc.AddFollowUp(s.act(ana), incident.FollowUp{
		ID: "mine", State: incident.Done, Text: "test it", Owner: "ben", Priority: "high", Due: due, Link: "https://x.example/7",
	})
	s.must(err)
	f := inc.FollowUps[0]
	want := incident.DataTodo{ID: f.ID, Text: "test it", Owner: "ben", Priority: "high", Due: due, Link: "https://x.example/7", State: incident.Outstanding}
	if diff := cmp.Diff(want, data[incident.DataTodo](t, evs[0])); diff != "" || f.ID == "mine" || f.Created != s.now {
		t.Errorf("follow-up %+v (-want +got):\n%s", f, diff)
	}
	evs, err = inc.ChangeFollowUp(s.act(ana), f.ID, incident.ItemChange{State: incident.NotDoing, Link: new("")})
	s.must(err)
	wantTypes(t, evs, incident.EvFollowDropped)
	evs, err = inc.ChangeFollowUp(s.act(ana), f.ID, incident.ItemChange{State: incident.NotDoing})
	s.must(err)
	wantTypes(t, evs)
	for field, change := range map[string]incident.ItemChange{
		"link": {Link: new("javascript:1")}, "due": {Due: new(start.AddDate(9000, 0, 0))}, "text": {Text: new("")},
		"owner": {Owner: new("\x01")}, "state": {State: "odd"}, "priority": {Priority: new(strings.Repeat("x", 201))},
	} {
		wantField(t, second(inc.ChangeFollowUp(s.act(ana), f.ID, change)), field)
	}
	if _, err := inc.ChangeFollowUp(s.act(ana), "odd", incident.ItemChange{}); !errors.Is(err, incident.ErrNotFound) {
		t.Errorf("an unknown one: %v", err)
	}
}
