package incident_test

import (
	"slices"
	"testing"

	"github.com/theriac/theriac/incident"
)

// TestVerbs_CallPeopleAndLetThemBe asks which verbs start the escalation of a severity, and how each
// end of an incident ends it.
func TestVerbs_CallPeopleAndLetThemBe(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.rules.Severities[1].Page, s.rules.Severities[1].Path = incident.PageAlways, "ops"
	s.rules.Paths = []incident.Path{{ID: "ops", Levels: []incident.Level{
		{Targets: []incident.Target{{Kind: incident.ToPerson, ID: "ben"}}},
	}}}
	for name, c := range map[string]struct {
		verb func(*incident.Incident) ([]incident.Event, error)
		want incident.EscalationState
		says incident.EventType
	}{
		"resolve": {func(i *incident.Incident) ([]incident.Event, error) {
			return i.Resolve(s.act(ana), incident.ResolveParams{})
		}, incident.Ended, incident.EvEscResolved},
		"cancel": {func(i *incident.Incident) ([]incident.Event, error) { return i.Cancel(s.act(ana), "nothing") }, incident.Cancelled, incident.EvEscCancelled},
		"merge": {func(i *incident.Incident) ([]incident.Event, error) {
			evs, _, err := i.MergeInto(s.act(ana), s.declare("minor"), "")
			return evs, err
		}, incident.Cancelled, incident.EvEscCancelled},
		"pause": {func(i *incident.Incident) ([]incident.Event, error) { return i.Pause(s.act(ana), "waiting") }, incident.Paging, ""},
	} {
		inc := s.declare("major")
		if len(inc.Escalations) != 1 || inc.Escalations[0].State != incident.Paging {
			t.Fatalf("declared, it calls %+v", inc.Escalations)
		}
		evs, err := c.verb(inc)
		s.must(err)
		if got := inc.Escalations[0].State; got != c.want || c.says != "" && !slices.Contains(types(evs), c.says) {
			t.Errorf("%s: the escalation is %s, events %v", name, got, types(evs))
		}
	}
	for _, quiet := range []bool{false, true} {
		inc := s.report()
		act := s.act(ana)
		act.Key = "slack:act:1"
		evs, err := inc.Accept(act, incident.AcceptParams{Severity: "major", Quiet: quiet})
		s.must(err)
		if calls := len(inc.Escalations) == 1; calls == quiet {
			t.Errorf("accepted, quiet %v: it calls %+v", quiet, inc.Escalations)
		}
		for i, e := range evs {
			if (e.Key == act.Key) != (i == 0) {
				t.Errorf("event %d, %s, has the key %q", i, e.Type, e.Key)
			}
		}
	}
}
