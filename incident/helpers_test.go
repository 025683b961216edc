package incident_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/theriac/theriac/incident"
)

// start is when the outage of 2022 began.
var start = time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC)

// rules are those of an organisation with three severities, a flow for the two worst, and one of each
// kind of thing.
func rules() *incident.Settings {
	return &incident.Settings{
		Severities: []incident.Severity{
			{ID: "minor", Rank: 1, UpdateEvery: incident.Duration(time.Hour)},
			{ID: "major", Rank: 2, UpdateEvery: incident.Duration(30 * time.Minute)},
			{ID: "critical", Rank: 3, UpdateEvery: incident.Duration(20 * time.Minute)},
		},
		Roles: []incident.RoleType{{ID: "lead"}, {ID: "reporter"}, {ID: "scribe"}},
		Types: []incident.Type{{ID: "default"}, {ID: "security", Private: true}},
		Fields: []incident.Field{
			{ID: "cause", Kind: incident.FieldCause, Choices: []string{"poison", "deploy"}, Required: "close"},
			{ID: "note", Kind: incident.FieldText},
			{ID: "lost", Kind: incident.FieldNumber},
			{ID: "link", Kind: incident.FieldLink},
			{ID: "who", Kind: incident.FieldPerson},
			{ID: "region", Kind: incident.FieldChoice, Choices: []string{"eu", "us"}},
			{ID: "parts", Kind: incident.FieldChoices, Choices: []string{"web", "worker"}},
		},
		Flows: []incident.Flow{{
			Severities: []string{"major", "critical"},
			Tasks: []incident.FlowTask{
				{ID: "write", Stage: incident.Documenting, Text: "write the post-mortem"},
				{ID: "debrief", Stage: incident.Reviewing, Text: "hold the debrief"},
			},
		}},
	}
}

// stage is a test's organisation: its rules, its clock and its ids.
type stage struct {
	t     testing.TB
	rules *incident.Settings
	now   time.Time
	ids   int
}

func newStage(t testing.TB) *stage { return &stage{t: t, rules: rules(), now: start} }

// act is what somebody does, a minute after the last.
func (s *stage) act(by incident.Actor) incident.Act {
	s.now = s.now.Add(time.Minute)
	return incident.Act{
		By: by, At: s.now, Rules: s.rules, Cause: "cause-1", Traceparent: "00-trace-01",
		NewID: func() string { s.ids++; return fmt.Sprintf("id-%04d", s.ids) },
	}
}

var (
	ana     = incident.Actor{Kind: incident.ByPerson, ID: "ana", Name: "Ana", Role: incident.Responder}
	ben     = incident.Actor{Kind: incident.ByPerson, ID: "ben", Name: "Ben", Role: incident.Responder}
	boss    = incident.Actor{Kind: incident.ByPerson, ID: "boss", Name: "Boss", Role: incident.Admin}
	alerter = incident.Actor{Kind: incident.ByAlert, ID: "prometheus"}
)

func (s *stage) declare(severity string) *incident.Incident {
	s.t.Helper()
	inc, _, err := incident.Declare(s.act(ana), incident.NewParams{
		Name: "checkout is down", Severity: severity, Keys: []incident.Key{incident.NewKey("idem:1", false)},
	})
	s.must(err)
	inc.Number = 42
	return &inc
}

func (s *stage) report() *incident.Incident {
	s.t.Helper()
	inc, _, err := incident.Report(s.act(alerter), incident.NewParams{
		Name: "errors are up", Keys: []incident.Key{incident.NewKey("alert:prometheus:a", true)},
	})
	s.must(err)
	inc.Number = 43
	return &inc
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// in returns an incident that stands in a status.
func (s *stage) in(status incident.Status) *incident.Incident {
	s.t.Helper()
	var inc *incident.Incident
	do := func(_ []incident.Event, err error) { s.t.Helper(); s.must(err) }
	switch status {
	case incident.Triage:
		return s.report()
	case incident.Declined:
		inc = s.report()
		do(inc.Decline(s.act(ana), "a test of the alert"))
		return inc
	case incident.Closed:
		inc = s.declare("minor")
	default:
		inc = s.declare("major")
	}
	switch status {
	case incident.Fixing, incident.Monitoring:
		do(inc.ShareUpdate(s.act(ana), incident.UpdateParams{Message: "found it", Status: status}))
	case incident.Paused:
		do(inc.Pause(s.act(ana), "until the supplier answers"))
	case incident.Documenting, incident.Closed:
		do(inc.Resolve(s.act(ana), incident.ResolveParams{}))
	case incident.Reviewing:
		do(inc.Resolve(s.act(ana), incident.ResolveParams{}))
		do(inc.CompleteTask(s.act(ana), "write"))
		do(inc.Advance(s.act(ana)))
	case incident.Canceled:
		do(inc.Cancel(s.act(ana), "false alarm"))
	case incident.Merged:
		_, _, err := inc.MergeInto(s.act(ana), s.declare("minor"), "")
		s.must(err)
	}
	if inc.Status != status {
		s.t.Fatalf("wanted %s, got %s", status, inc.Status)
	}
	return inc
}
