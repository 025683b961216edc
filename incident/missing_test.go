package incident_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
)

// What is missing is told as soon as it is asked for, and no longer than anybody can mend it.
func TestMissing(t *testing.T) {
	t.Parallel()
	rules := incident.DefaultSettings()
	for _, required := range []string{"declare", "resolve", "close", ""} {
		rules.Fields = append(rules.Fields, incident.Field{ID: "at_" + required, Name: "Field", Kind: incident.FieldText, Required: required})
	}
	for status, want := range map[incident.Status][]string{
		incident.Triage:        nil,
		incident.Investigating: {"severity", "lead", "fields.at_declare"},
		incident.Paused:        {"severity", "lead", "fields.at_declare"},
		incident.Documenting:   {"severity", "fields.at_declare", "fields.at_resolve", "fields.at_close"},
		incident.Closed:        nil,
		incident.Canceled:      nil,
	} {
		inc := incident.Incident{Status: status, Mode: incident.ModeStandard}
		if diff := cmp.Diff(want, inc.Missing(&rules)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", status, diff)
		}
		inc.Severity, inc.Assignments = "minor", []incident.Assignment{{Role: incident.LeadRole, Person: "ana"}}
		inc.Fields = map[string]incident.FieldValue{"at_declare": {"x"}, "at_resolve": {"x"}, "at_close": {"x"}}
		if got := inc.Missing(&rules); len(got) != 0 {
			t.Errorf("%s: %v is missing of what is complete", status, got)
		}
	}
}
