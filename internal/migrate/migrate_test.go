package migrate_test

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver that the tests open

	"github.com/theriac/theriac/internal/migrate"
)

func files(n int) fs.FS {
	all := fstest.MapFS{}
	for i := 1; i <= n; i++ {
		all[fmt.Sprintf("%05d_step.sql", i)] = &fstest.MapFile{Data: fmt.Appendf(nil,
			"-- +goose Up\nCREATE TABLE t%d (a int);\n\n-- +goose Down\nDROP TABLE t%d;\n", i, i)}
	}
	return all
}

// open returns a migrator of n steps on the database at path.
func open(t *testing.T, path string, n int) *migrate.Migrator {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := migrate.New(migrate.Config{Dialect: goose.DialectSQLite3, DB: db, Files: files(n),
		Table: "schema_version", Command: "theriac migrate up"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func TestMigrator_UpAndDown(t *testing.T) {
	t.Parallel()
	m := open(t, filepath.Join(t.TempDir(), "a.db"), 2)
	for range 2 {
		checkVersion(t, m, 0)
		if done, err := m.Up(t.Context()); err != nil || len(done) != 2 || done[1].Version != 2 {
			t.Fatalf("Up: %v, %v", done, err)
		}
		if err := m.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if done, err := m.Up(t.Context()); err != nil || len(done) != 0 {
			t.Fatalf("the second Up: %v, %v", done, err)
		}
		for want := int64(2); want >= 1; want-- {
			if done, err := m.Down(t.Context()); err != nil || len(done) != 1 || done[0].Version != want {
				t.Fatalf("Down: %v, %v, want %d", done, err, want)
			}
		}
		if done, err := m.Down(t.Context()); err != nil || len(done) != 0 {
			t.Fatalf("Down of nothing: %v, %v", done, err)
		}
	}
}

func checkVersion(t *testing.T, m *migrate.Migrator, have int64) {
	t.Helper()
	err := m.Check(t.Context())
	ve, ok := errors.AsType[*migrate.VersionError](err)
	if !ok || ve.Have != have || ve.Want != m.Want() {
		t.Fatalf("Check: %v, want a *VersionError that has %d", err, have)
	}
}

func TestMigrator_SaysWhatToDo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	old, current := open(t, path, 1), open(t, path, 2)
	if err := current.Check(t.Context()); err == nil || err.Error() != "schema is at 0, this program needs 2; run: theriac migrate up" {
		t.Errorf("pending: %v", err)
	}
	if _, err := current.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := old.Check(t.Context()); err == nil || err.Error() != "schema is at 2, this program knows only 1; use a newer program" {
		t.Errorf("newer: %v", err)
	}
	for name, change := range map[string]func() ([]migrate.Migration, error){
		"Up":   func() ([]migrate.Migration, error) { return old.Up(t.Context()) },
		"Down": func() ([]migrate.Migration, error) { return old.Down(t.Context()) },
	} {
		_, err := change()
		if _, ok := errors.AsType[*migrate.VersionError](err); !ok {
			t.Errorf("%s on a newer schema: %v, want a *VersionError", name, err)
		}
	}
}

func TestMigrator_StatusAndPrint(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	if _, err := open(t, path, 1).Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := open(t, path, 2)
	all, err := m.Status(t.Context())
	if err != nil || len(all) != 2 || all[0].Applied.IsZero() || !all[1].Applied.IsZero() || all[1].Name != "00002_step.sql" {
		t.Errorf("Status: %+v, %v", all, err)
	}
	var out strings.Builder
	if err := m.Print(&out); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); !strings.Contains(s, "CREATE TABLE t1") || !strings.Contains(s, "CREATE TABLE t2") || strings.Contains(s, "DROP") {
		t.Errorf("Print:\n%s", s)
	}
}
