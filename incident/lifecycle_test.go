package incident_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
)

// verbs are all that change the status of an incident that is there.
func verbs(s *stage) map[string]func(*incident.Incident) ([]incident.Event, error) {
	share := func(to incident.Status) func(*incident.Incident) ([]incident.Event, error) {
		return func(inc *incident.Incident) ([]incident.Event, error) {
			return inc.ShareUpdate(s.act(ana), incident.UpdateParams{Message: "news", Status: to})
		}
	}
	return map[string]func(*incident.Incident) ([]incident.Event, error){
		"accept": func(inc *incident.Incident) ([]incident.Event, error) {
			return inc.Accept(s.act(ana), incident.AcceptParams{})
		},
		"decline": func(inc *incident.Incident) ([]incident.Event, error) { return inc.Decline(s.act(ana), "nothing") },
		"merge": func(inc *incident.Incident) ([]incident.Event, error) {
			evs, _, err := inc.MergeInto(s.act(ana), s.declare("minor"), "the same")
			return evs, err
		},
		"update to investigating": share(incident.Investigating),
		"update to fixing":        share(incident.Fixing),
		"update to monitoring":    share(incident.Monitoring),
		"pause":                   func(inc *incident.Incident) ([]incident.Event, error) { return inc.Pause(s.act(ana), "waiting") },
		"resume":                  func(inc *incident.Incident) ([]incident.Event, error) { return inc.Resume(s.act(ana)) },
		"cancel":                  func(inc *incident.Incident) ([]incident.Event, error) { return inc.Cancel(s.act(ana), "nothing") },
		"resolve": func(inc *incident.Incident) ([]incident.Event, error) {
			return inc.Resolve(s.act(ana), incident.ResolveParams{Message: "rolled back"})
		},
		"opt-out": func(inc *incident.Incident) ([]incident.Event, error) { return inc.OptOut(s.act(boss), "known") },
		"close": func(inc *incident.Incident) ([]incident.Event, error) {
			for _, t := range []string{"write", "debrief"} {
				if _, err := inc.CompleteTask(s.act(ana), t); err != nil {
					return inc.Close(s.act(ana))
				}
			}
			return inc.Close(s.act(ana))
		},
		"reopen": func(inc *incident.Incident) ([]incident.Event, error) { return inc.Reopen(s.act(ana), "again") },
	}
}

// TestVerbs_ObeyTheTable runs every verb in every status: what the table allows happens, with the
// event of its status beside it, and all else is a TransitionError that names what is allowed.
func TestVerbs_ObeyTheTable(t *testing.T) {
	t.Parallel()
	for _, from := range incident.Statuses() {
		s := newStage(t)
		s.rules.Fields = nil
		for name, verb := range verbs(s) {
			inc := s.in(from)
			evs, err := verb(inc)
			allowed := slices.Contains(incident.AllowedVerbs(from), cutVerb(name))
			if !allowed {
				wantRefused(t, name, from, inc, err)
				continue
			}
			if err != nil {
				t.Errorf("%s from %s: %v", name, from, err)
				continue
			}
			wantMoved(t, name, from, inc, evs)
		}
	}
}

func cutVerb(name string) string {
	if len(name) > 6 && name[:6] == "update" {
		return "update"
	}
	return name
}

func wantRefused(t *testing.T, name string, from incident.Status, inc *incident.Incident, err error) {
	t.Helper()
	refused, ok := errors.AsType[*incident.TransitionError](err)
	if !ok {
		t.Errorf("%s from %s: got %v, want a TransitionError", name, from, err)
		return
	}
	want := &incident.TransitionError{
		Ref: inc.Ref(), From: from, Verb: refused.Verb, To: refused.To, Allowed: incident.AllowedVerbs(from),
	}
	if diff := cmp.Diff(want, refused); diff != "" {
		t.Errorf("%s from %s (-want +got):\n%s", name, from, diff)
	}
	if inc.Status != from {
		t.Errorf("%s from %s was refused and led to %s", name, from, inc.Status)
	}
}

// wantMoved asks that the events of the status lead from where it was to where it is, over arrows of the
// table.
func wantMoved(t *testing.T, name string, from incident.Status, inc *incident.Incident, evs []incident.Event) {
	t.Helper()
	at := from
	for _, e := range evs {
		if e.Type != incident.EvStatus {
			continue
		}
		move, err := incident.DataOf[incident.DataStatus](e)
		if err != nil || move.From != at {
			t.Errorf("%s from %s: %+v, %v", name, from, move, err)
		}
		drawn := func(a incident.Transition) bool { return a.From == move.From && a.To == move.To }
		if !slices.ContainsFunc(incident.Transitions(), drawn) {
			t.Errorf("%s moved from %s to %s, which is no arrow", name, move.From, move.To)
		}
		at = move.To
	}
	if at != inc.Status {
		t.Errorf("%s from %s: events lead to %s, the document says %s", name, from, at, inc.Status)
	}
}

func TestAccept_MayName_WhatItIs(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.report()
	evs, err := inc.Accept(s.act(ana), incident.AcceptParams{Name: "a leak", Severity: "major", Type: "security"})
	s.must(err)
	wantTypes(t, evs, incident.EvPrivate, incident.EvJoined, incident.EvAccepted, incident.EvStatus, incident.EvSeverity)
	for _, e := range evs {
		if e.Visibility != incident.Private {
			t.Errorf("%s is %s", e.Type, e.Visibility)
		}
	}
	if inc.Name != "a leak" || inc.Severity != "major" || inc.Times.Accepted != s.now || inc.NextUpdateDue != s.now.Add(30*time.Minute) {
		t.Errorf("accepted %+v", inc)
	}
	_, err = s.report().Accept(s.act(ana), incident.AcceptParams{Severity: "odd"})
	wantField(t, err, "severity")
	_, err = s.report().Accept(s.act(ana), incident.AcceptParams{Type: "odd"})
	wantField(t, err, "type")
	_, err = s.report().Accept(s.act(ana), incident.AcceptParams{Name: "\x00" + strings.Repeat("a", 200)})
	wantField(t, err, "name")
}

func TestDismiss_TakesAReason(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for name, verb := range map[string]func(reason string) ([]incident.Event, error){
		"decline": func(why string) ([]incident.Event, error) { return s.report().Decline(s.act(ana), why) },
		"cancel":  func(why string) ([]incident.Event, error) { return s.declare("major").Cancel(s.act(ana), why) },
		"pause":   func(why string) ([]incident.Event, error) { return s.declare("major").Pause(s.act(ana), why) },
	} {
		_, err := verb("  ")
		wantField(t, err, "reason")
		_, err = verb(strings.Repeat("x", 2001))
		wantField(t, err, "reason")
		evs, err := verb("known")
		s.must(err)
		if got := data[incident.DataReason](t, evs[0]).Reason; got != "known" {
			t.Errorf("%s says %q", name, got)
		}
	}
}

func TestPause_RemembersWhereItWas(t *testing.T) {
	t.Parallel()
	for _, from := range []incident.Status{incident.Investigating, incident.Fixing, incident.Monitoring} {
		s := newStage(t)
		inc := s.in(from)
		fixed := inc.Times.Fixed
		_, err := inc.Pause(s.act(ana), "waiting")
		s.must(err)
		if inc.Resumes != from || inc.Times.PausedSince != s.now || !inc.Times.MonitoringSince.IsZero() {
			t.Errorf("paused %+v", inc)
		}
		s.now = s.now.Add(24 * time.Hour)
		evs, err := inc.Resume(s.act(ana))
		s.must(err)
		wantTypes(t, evs, incident.EvResumed, incident.EvStatus)
		if inc.Status != from || inc.Resumes != "" || !inc.Times.PausedSince.IsZero() || inc.Times.Fixed != fixed {
			t.Errorf("resumed %+v", inc)
		}
		if inc.NextUpdateDue != s.now.Add(30*time.Minute) {
			t.Errorf("what fell due while it rested is due at %s", inc.NextUpdateDue)
		}
	}
}

func TestShareUpdate_SaysAndMoves(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	inc := s.declare("minor")
	evs, err := inc.ShareUpdate(s.act(ana), incident.UpdateParams{
		Message: "found it\nand fixed it", Status: incident.Monitoring, Severity: "critical", NextIn: time.Hour,
	})
	s.must(err)
	wantTypes(t, evs, incident.EvUpdate, incident.EvSeverity, incident.EvStatus)
	want := incident.DataUpdate{
		Message: "found it\nand fixed it", From: incident.Investigating, To: incident.Monitoring,
		Severity: "critical", NextDue: s.now.Add(time.Hour),
	}
	if diff := cmp.Diff(want, data[incident.DataUpdate](t, evs[0])); diff != "" {
		t.Errorf("update (-want +got):\n%s", diff)
	}
	if inc.Times.Fixed != s.now || inc.Times.MonitoringSince != s.now || inc.NextUpdateDue != want.NextDue ||
		inc.LastUpdate.EventID != evs[0].ID {
		t.Errorf("after it %+v", inc)
	}
	fixed := s.now
	_, err = inc.ShareUpdate(s.act(ana), incident.UpdateParams{Message: "not yet", Status: incident.Fixing, NextIn: -1})
	s.must(err)
	if !inc.NextUpdateDue.IsZero() || !inc.Times.MonitoringSince.IsZero() {
		t.Errorf("none was promised, and it says %s", inc.NextUpdateDue)
	}
	_, err = inc.ShareUpdate(s.act(ana), incident.UpdateParams{Message: "now", Status: incident.Monitoring})
	s.must(err)
	if inc.Times.Fixed != fixed || inc.Times.MonitoringSince != s.now || inc.NextUpdateDue != s.now.Add(20*time.Minute) {
		t.Errorf("the first fix was at %s, it says %+v", fixed, inc.Times)
	}
	evs, err = inc.ShareUpdate(s.act(ana), incident.UpdateParams{Message: "the same", Status: incident.Monitoring, Severity: "critical"})
	s.must(err)
	wantTypes(t, evs, incident.EvUpdate)
}

func TestShareUpdate_RefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for field, p := range map[string]incident.UpdateParams{
		"message":        {Message: "\n"},
		"severity":       {Message: "x", Severity: "odd"},
		"status":         {Message: "x", Status: "odd"},
		"next_update_in": {Message: "x", NextIn: 31 * 24 * time.Hour},
	} {
		s := newStage(t)
		_, err := s.declare("minor").ShareUpdate(s.act(ana), p)
		wantField(t, err, field)
	}
	s := newStage(t)
	for _, to := range []incident.Status{incident.Closed, incident.Paused} {
		_, err := s.declare("minor").ShareUpdate(s.act(ana), incident.UpdateParams{Message: "x", Status: to})
		if e, ok := errors.AsType[*incident.TransitionError](err); !ok || e.To != to || e.Verb != "update" || !strings.Contains(e.Error(), "cannot update to "+string(to)) {
			t.Errorf("to %s: got %v", to, err)
		}
	}
}
