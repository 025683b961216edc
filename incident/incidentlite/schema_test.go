package incidentlite_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentlite"
	"github.com/theriac/theriac/internal/litekit/litekittest"
	"github.com/theriac/theriac/internal/storetest"
)

func TestStatements(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "incident.db")
	open(t, path, incidentlite.Options{})
	db := litekittest.Raw(t, path)
	storetest.RunStatementTests(t, func(statement string) error {
		return litekittest.Prepare(t, db, strings.ReplaceAll(statement, "/*order*/", "id"))
	})
}

func TestSchema_KnowsTheStatuses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "incident.db")
	s := open(t, path, incidentlite.Options{})
	var want []string
	for _, status := range incident.Statuses() {
		want = append(want, "'"+string(status)+"'")
	}
	list := regexp.MustCompile(`CHECK \(status IN \(([^)]*)\)\)`).FindStringSubmatch(litekittest.Schema(t, path))
	if len(list) != 2 || list[1] != strings.Join(want, ", ") {
		t.Errorf("the schema allows %v, the code %s", list, want)
	}
	inc, err := s.Create(t.Context(), incident.Incident{ID: "i-1", Status: incident.Triage}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := litekittest.Raw(t, path).ExecContext(t.Context(), "UPDATE incident SET status = 'sleeping' WHERE number = ?", inc.Number); err == nil {
		t.Error("the schema takes a status that is none")
	}
}
