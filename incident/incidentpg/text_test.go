package incidentpg_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/theriac/theriac/incident"
)

// hostile is valid UTF-8 that a text column, or an index of one, refuses.
func hostile() string { return "a\x00b\u2028%_\\'\U0010FFFF" + strings.Repeat("\uFFFDxyz", 5000) }

// TestText_IsKeptAsItCame: what should have been replaced at the door may come all the
// same, and is kept, found and given back.
func TestText_IsKeptAsItCame(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Database(t))
	var id ids
	bad := hostile()
	inc := id.incident(incident.Key{Text: bad})
	inc.Name, inc.Severity, inc.Type = bad, bad, bad
	inc.Fields = map[string]incident.FieldValue{bad: {bad}}
	inc.Participants = []incident.Participant{{Person: bad, Kind: incident.Worker}}
	e := id.event(bad)
	e.Actor = incident.Actor{Kind: incident.ByPerson, ID: bad, Name: bad}
	made, err := s.Create(t.Context(), inc, []incident.Event{e})
	if err != nil {
		t.Fatal(err)
	}
	inc.Number, inc.Version, inc.Seq = 1, 1, 1
	options := cmp.Options{cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(0)}
	if diff := cmp.Diff(inc, made, options); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	got, err := s.ByKey(t.Context(), bad)
	if diff := cmp.Diff(inc, got, options); err != nil || diff != "" {
		t.Errorf("by key: %v (-want +got)\n%s", err, diff)
	}
	for name, f := range map[string]incident.Filter{"text": {Text: bad[:20]}, "field": {Field: bad, Value: bad},
		"person": {Person: bad}, "reader": {For: &incident.Reader{Person: bad}}, "severity": {Severities: []string{bad}}} {
		if page, err := s.List(t.Context(), f); err != nil || len(page.Incidents) != 1 || page.Incidents[0].Name != bad {
			t.Errorf("list by %s: %d, %v", name, len(page.Incidents), err)
		}
	}
	page, err := s.Events(t.Context(), incident.EventFilter{Actor: bad})
	if err != nil || len(page.Events) != 1 || page.Events[0].Key != bad || page.Events[0].Actor != e.Actor {
		t.Errorf("events: %v, %v", page, err)
	}
	_, err = s.Save(t.Context(), incident.Change{IncidentID: inc.ID, Events: []incident.Event{id.event(bad)}})
	if !errors.Is(err, incident.ErrDuplicate) {
		t.Errorf("its key again: %v, want ErrDuplicate", err)
	}
	for _, end := range []incident.EffectEnd{{ExternalID: bad, Result: bad}} {
		if _, err := s.Claim(t.Context(), incident.Claim{Key: bad, IncidentID: inc.ID}); err != nil {
			t.Fatal(err)
		}
		if err := s.Finish(t.Context(), bad, 1, end); err != nil {
			t.Fatal(err)
		}
		if e, err := s.Effect(t.Context(), bad); err != nil || e.Key != bad || e.ExternalID != bad || e.Result != bad {
			t.Errorf("effect: %v, %v", e, err)
		}
	}
}

// TestText_NoIDOfOurs: what no id can be is the id of nothing, and no outage.
func TestText_NoIDOfOurs(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Database(t))
	var id ids
	for _, none := range []string{"a\x00b", "\xff"} {
		_, errGet := s.Get(t.Context(), none)
		_, errSave := s.Save(t.Context(), incident.Change{IncidentID: none, Events: []incident.Event{id.event("")}})
		_, errInbound := s.Inbound(t.Context(), none)
		for doing, err := range map[string]error{"get": errGet, "save": errSave, "inbound": errInbound} {
			if !errors.Is(err, incident.ErrNotFound) {
				t.Errorf("%s %q: %v, want ErrNotFound", doing, none, err)
			}
		}
		_, errClaim := s.Claim(t.Context(), incident.Claim{Key: "k", IncidentID: none})
		_, errCursor := s.Events(t.Context(), incident.EventFilter{Cursor: none})
		_, errSweep := s.Sweepable(t.Context(), none, 1)
		inc := id.incident()
		inc.ID = none
		_, errCreate := s.Create(t.Context(), inc, nil)
		for doing, err := range map[string]error{"claim": errClaim, "cursor": errCursor, "sweep": errSweep, "create": errCreate} {
			if !errors.Is(err, incident.ErrInvalid) {
				t.Errorf("%s %q: %v, want ErrInvalid", doing, none, err)
			}
		}
		if effects, err := s.EffectList(t.Context(), none); err != nil || len(effects) != 0 {
			t.Errorf("effects of %q: %v, %v", none, effects, err)
		}
		if err := errors.Join(s.MarkPublished(t.Context(), none), s.Republish(t.Context(), none)); err != nil {
			t.Errorf("published %q: %v", none, err)
		}
	}
}
