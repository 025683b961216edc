package incidentlite_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentlite"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/sqlrows"
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

// TestStatements prepares every statement on a schema as the migrations leave it, and looks whether the
// code uses it.
func TestStatements(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "incident.db")
	open(t, path, incidentlite.Options{})
	db := raw(t, path)
	code := sources(t)
	names := make(map[string]string)
	for _, m := range regexp.MustCompile(`//go:embed (sql/\w+\.sql)\n\s+(\w+) string`).FindAllStringSubmatch(code, -1) {
		names[m[1]] = m[2]
	}
	files, err := filepath.Glob("sql/*")
	if err != nil || len(files) == 0 || len(files) != len(names) {
		t.Fatalf("%d statements are embedded and there are %d files: %v", len(names), len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		statement := strings.ReplaceAll(string(b), "/*order*/", "id")
		if err := prepares(t, db, statement); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if uses := regexp.MustCompile(`\b`+names[file]+`\b`).FindAllString(code, -1); len(uses) < 2 {
			t.Errorf("%s is used nowhere", file)
		}
	}
}

// prepares reports what SQLite thinks of a statement.
func prepares(t *testing.T, db *sql.DB, statement string) error {
	t.Helper()
	p, err := db.PrepareContext(t.Context(), statement)
	if err == nil {
		defer p.Close()
	}
	return err
}

// sources returns the code of this package without its tests.
func sources(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
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
	path := filepath.Join(t.TempDir(), "incident.db")
	m, err := incidentlite.Migrator(path)
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
		if left := schema(t, path); left != "CREATE TABLE sqlite_sequence(name,seq)" {
			t.Errorf("down leaves\n%s", left)
		}
	}
}

func TestSchema_KnowsTheStatuses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "incident.db")
	s := open(t, path, incidentlite.Options{})
	var want []string
	for _, status := range incident.Statuses() {
		want = append(want, "'"+string(status)+"'")
	}
	list := regexp.MustCompile(`CHECK \(status IN \(([^)]*)\)\)`).FindStringSubmatch(schema(t, path))
	if len(list) != 2 || list[1] != strings.Join(want, ", ") {
		t.Errorf("the schema allows %v, the code %s", list, want)
	}
	inc, err := s.Create(t.Context(), incident.Incident{ID: "i-1", Status: incident.Triage}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := raw(t, path).ExecContext(t.Context(), "UPDATE incident SET status = 'sleeping' WHERE number = ?", inc.Number); err == nil {
		t.Error("the schema takes a status that is none")
	}
}

func TestOpen_RefusesANewerSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "incident.db")
	open(t, path, incidentlite.Options{})
	if _, err := raw(t, path).ExecContext(t.Context(),
		"INSERT INTO incident_version (version_id, is_applied) VALUES (99, 1)"); err != nil {
		t.Fatal(err)
	}
	_, err := incidentlite.Open(t.Context(), path, incidentlite.Options{})
	if !errors.Is(err, incident.ErrSchema) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "schema is at 99") {
		t.Errorf("%v, want one line that wraps ErrSchema", err)
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
		"no directory": filepath.Join(dir, "missing", "incident.db"), "no database": garbage, "a directory": dir,
	} {
		_, err := incidentlite.Open(t.Context(), path, incidentlite.Options{})
		if !errors.Is(err, incident.ErrUnavailable) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line that wraps ErrUnavailable", name, err)
		}
	}
}

func TestOpen_TakesAnyPathAndKeepsOthersOut(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a b?c#d%20é&_pragma=x.db")
	open(t, path, incidentlite.Options{})
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || info.Size() == 0 {
		t.Errorf("the file has mode %s and %d bytes", info.Mode(), info.Size())
	}
}

func TestOpen_ManyAtOnceMakeOneFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "incident.db")
	var group runner.Group
	for range 4 {
		group.Go(func() {
			s, err := incidentlite.Open(t.Context(), path, incidentlite.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}
