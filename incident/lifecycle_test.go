package incident_test

import (
	"errors"
	"slices"
	"testing"

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
