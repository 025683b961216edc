package quarantinelite_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/litekit/litekittest"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

func TestStatements(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quarantine.db")
	open(t, path)
	db := litekittest.Raw(t, path)
	quarantinetest.RunStatementTests(t, func(statement string) error {
		return litekittest.Prepare(t, db, statement)
	})
}

func TestSchema_KnowsTheStates(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quarantine.db")
	open(t, path)
	text := litekittest.Schema(t, path)
	lists := regexp.MustCompile(`CHECK \(state IN \(([^)]*)\)\)`).FindAllStringSubmatch(text, -1)
	if len(lists) != 2 {
		t.Fatalf("the schema checks the states of %d things, want entries and suspects", len(lists))
	}
	var suspects []string
	for _, s := range quarantine.SuspectStates() {
		suspects = append(suspects, "'"+string(s)+"'")
	}
	list, other := lists[0], lists[1]
	if !strings.Contains(list[1], "replaying") {
		list, other = other, list
	}
	if got := other[1]; got != strings.Join(suspects, ", ") {
		t.Errorf("the schema allows a suspect %s, the code %s", got, suspects)
	}
	var want, counters []string
	for _, s := range quarantine.States() {
		want = append(want, "'"+string(s)+"'")
		counters = append(counters, string(s))
	}
	if got := list[1]; got != strings.Join(want, ", ") {
		t.Errorf("the schema allows %s, the code %s", got, want)
	}
	var got []string
	for _, m := range regexp.MustCompile(`CHECK \((\w+) >= 0\)`).FindAllStringSubmatch(text, -1) {
		got = append(got, m[1])
	}
	if diff := cmp.Diff(counters, got); diff != "" {
		t.Errorf("counters of a group (-states +columns)\n%s", diff)
	}
}

func TestMigrator_CrashStepOnAFullFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quarantine.db")
	quarantinetest.RunCrashStepTests(t, open(t, path), func() quarantine.Store { return stepBack(t, path, 1) })
}

func TestMigrator_NoticeStepOnAFullFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quarantine.db")
	quarantinetest.RunNoticeStepTests(t, open(t, path), func() quarantine.Store { return stepBack(t, path, 2) })
}

func TestMigrator_ControlStepOnAFullFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quarantine.db")
	quarantinetest.RunControlStepTests(t, open(t, path), func() quarantine.Store { return stepBack(t, path, 3) })
}

// TestSchema_KnowsTheLevels compares the check of the schema with the code.
func TestSchema_KnowsTheLevels(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quarantine.db")
	open(t, path)
	want := "level IN (''"
	for _, level := range handlers.ShedLevels() {
		if level != handlers.ShedNothing {
			want += ", '" + string(level) + "'"
		}
	}
	if text := litekittest.Schema(t, path); !strings.Contains(text, want+")") {
		t.Errorf("the schema does not check for %s):\n%s", want, text)
	}
}

// TestSchema_AnOlderProgramGoesOn runs what a program of step 2 writes, which had the
// file open when a newer one came.
func TestSchema_AnOlderProgramGoesOn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quarantine.db")
	s := open(t, path)
	db := litekittest.Raw(t, path)
	for _, statement := range []string{
		`INSERT INTO entry_group (seq, ref, fingerprint, subscription, title, place, reason, basis, builds, first_at, last_at)
			VALUES (1, 'G-1', 'fp-1', 'billing', x'', x'', 'failed', x'', x'', 1, 1)`,
		`UPDATE entry_group SET held = held + 1, builds = x'', last_at = 2 WHERE seq = 1`,
		`INSERT INTO audit (entry_id, ref, from_state, to_state, version, actor, via, claimed, at, reason)
			VALUES ('id-1', 'Q-1', 'held', 'replaying', 2, x'61', 'cli', 1, 2, x'')`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	rows, err := s.Audit(t.Context(), "", 10)
	if err != nil || len(rows) != 1 || rows[0].Ref != "Q-1" {
		t.Errorf("audit: %+v, %v", rows, err)
	}
	if due, err := s.NoticesDue(t.Context(), 0); err != nil || len(due) != 0 {
		t.Errorf("due: %+v, %v", due, err)
	}
}

// stepBack takes the schema back to a version and makes all later steps again.
func stepBack(t *testing.T, path string, version int64) quarantine.Store {
	t.Helper()
	m, err := quarantinelite.Migrator(path)
	if err != nil {
		t.Fatal(err)
	}
	for range m.Want() - version {
		if _, err := m.Down(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, path) // makes the steps again
}
