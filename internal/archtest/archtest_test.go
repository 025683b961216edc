package archtest_test

import (
	"os"
	"testing"

	"github.com/theriac/theriac/internal/archtest"
)

// TestModule holds this module to its rules.
func TestModule(t *testing.T) {
	t.Parallel()
	m, err := archtest.Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range archtest.Rules() {
		t.Run(rule.Name, func(t *testing.T) {
			t.Parallel()
			for _, finding := range rule.Check(m, archtest.Exceptions()[rule.Name]) {
				t.Error(finding)
			}
			if t.Failed() {
				t.Logf("the rule is there because %s", rule.Why)
			}
		})
	}
	for _, row := range archtest.UnusedRows(m) {
		t.Logf("no package yet for %s", row)
	}
}
