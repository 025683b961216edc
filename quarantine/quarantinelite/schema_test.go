package quarantinelite_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/sqlrows"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

// raw opens the file at path for the length of the test, without the store.
func raw(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestStatements(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quarantine.db")
	open(t, path)
	db := raw(t, path)
	quarantinetest.RunStatementTests(t, func(statement string) error {
		p, err := db.PrepareContext(t.Context(), statement)
		if err == nil {
			defer func() { _ = p.Close() }() // that it could be prepared is all
		}
		return err
	})
}

// schema returns what the file is made of, but for the version table.
func schema(t *testing.T, path string) string {
	t.Helper()
	type row struct {
		SQL string `db:"sql"`
	}
	rows, err := sqlrows.Collect[row](raw(t, path).QueryContext(t.Context(), `SELECT coalesce(sql, name) AS sql
		FROM sqlite_master WHERE tbl_name NOT LIKE '%version%' ORDER BY name`))
	if err != nil {
		t.Fatal(err)
	}
	all := make([]string, len(rows))
	for i, r := range rows {
		all[i] = r.SQL
	}
	return strings.Join(all, "\n")
}

func TestMigrator_UpDownUp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quarantine.db")
	m, err := quarantinelite.Migrator(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	var first string
	for range 2 {
		if done, err := m.Up(t.Context()); err != nil || len(done) == 0 {
			t.Fatalf("up: %v, %v", done, err)
		}
		if first == "" {
			first = schema(t, path)
		}
		if diff := cmp.Diff(first, schema(t, path)); diff != "" {
			t.Errorf("up, down, up leaves another schema (-first +second)\n%s", diff)
		}
		for range m.Want() {
			if _, err := m.Down(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if left := schema(t, path); left != "sqlite_sequence" && left != "CREATE TABLE sqlite_sequence(name,seq)" {
			t.Errorf("down leaves\n%s", left)
		}
	}
}

func TestSchema_KnowsTheStates(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quarantine.db")
	open(t, path)
	text := schema(t, path)
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

func TestOpen_RefusesANewerSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quarantine.db")
	open(t, path)
	if _, err := raw(t, path).ExecContext(t.Context(),
		"INSERT INTO quarantine_version (version_id, is_applied) VALUES (99, 1)"); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{false, true} {
		_, err := quarantinelite.Open(t.Context(), quarantinelite.Config{Path: path, ReadOnly: readOnly})
		if !errors.Is(err, quarantine.ErrSchema) || strings.Contains(err.Error(), "\n") ||
			!strings.Contains(err.Error(), "schema is at 99") {
			t.Errorf("read-only %v: %v, want one line that wraps ErrSchema", readOnly, err)
		}
	}
}

func TestOpen_ReadOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quarantine.db")
	_, err := quarantinelite.Open(t.Context(), quarantinelite.Config{Path: path, ReadOnly: true})
	if !errors.Is(err, quarantine.ErrUnavailable) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v, want ErrUnavailable and fs.ErrNotExist", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a file was made")
	}
	open(t, path)
	s, err := quarantinelite.Open(t.Context(), quarantinelite.Config{Path: path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.EntryList(t.Context(), quarantine.Query{}); err != nil {
		t.Error(err)
	}
	if _, err := s.Join(t.Context(), quarantine.Worker{}); !errors.Is(err, quarantine.ErrUnavailable) {
		t.Errorf("a worker joined a read-only store: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpen_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"no directory": filepath.Join(dir, "missing", "quarantine.db"), "no database": garbage, "a directory": dir,
	} {
		_, err := quarantinelite.Open(t.Context(), quarantinelite.Config{Path: path})
		if !errors.Is(err, quarantine.ErrUnavailable) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line that wraps ErrUnavailable", name, err)
		}
	}
}

func TestOpen_TakesAnyPathAndKeepsOthersOut(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a b?c#d%20é&_pragma=x.db")
	open(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || info.Size() == 0 {
		t.Errorf("the file has mode %s and %d bytes", info.Mode(), info.Size())
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
	if text := schema(t, path); !strings.Contains(text, want+")") {
		t.Errorf("the schema does not check for %s):\n%s", want, text)
	}
}

// TestSchema_AnOlderProgramGoesOn runs what a program of step 2 writes, which had the
// file open when a newer one came.
func TestSchema_AnOlderProgramGoesOn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quarantine.db")
	s := open(t, path)
	db := raw(t, path)
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
