package incident_test

import (
	"testing"

	"github.com/theriac/theriac/incident"
)

// Who answered a call in triage is not called again because it was accepted.
func TestAccept_Answered_CallsNobodyAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	rules := incident.DefaultSettings()
	rules.Paths = []incident.Path{{ID: "ops", Name: "Ops", Levels: []incident.Level{{Targets: []incident.Target{{Kind: incident.ToPerson, ID: "ana"}}}}}}
	for i := range rules.Severities {
		rules.Severities[i].Path = "ops"
	}
	for _, answers := range []bool{false, true} {
		act := s.act(ana)
		act.Rules = &rules
		inc, _, err := incident.Report(act, incident.NewParams{Name: "poison", Keys: []incident.Key{{Text: "q", Open: true}}})
		s.must(err)
		_, err = inc.Escalate(act, incident.EscalateParams{Path: "ops", Reason: "a critical subscription"})
		s.must(err)
		if answers {
			_, err = inc.Ack(act, "")
			s.must(err)
		}
		before := len(inc.Escalations)
		_, err = inc.Accept(act, incident.AcceptParams{Severity: "critical"})
		s.must(err)
		if got := len(inc.Escalations); got != before {
			t.Errorf("answered %t: %d escalations after %d", answers, got, before)
		}
	}
}
