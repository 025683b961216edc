package litekittest

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/internal/migrate"
	"github.com/theriac/theriac/internal/sqlrows"
)

// Kit is one kind of store under test. All fields are required.
type Kit struct {
	// Migrator returns what migrates the file at a path.
	Migrator func(path string) (*migrate.Migrator, error)
	// VersionTable keeps the version of the schema.
	VersionTable string
	// Kinds are the store's words for errors.
	Kinds litekit.Kinds
	// Open opens a store.
	Open func(ctx context.Context, path string, readOnly bool) (*Store, error)
}

// Store is an open store.
type Store struct {
	// Write stores something new, of more than 100 kB if large. Count counts what is stored.
	Write func(ctx context.Context, large bool) error
	Count func(ctx context.Context) (int, error)
	// Writer is the connection that is written through; nil if the store has none.
	Writer *sql.DB
	Close  func() error
}

// Run runs all tests, beside each other and beside others of the package.
func Run(t *testing.T, kit Kit) {
	for name, test := range map[string]func(*testing.T, Kit){
		"migrations up, down, up":     testUpDownUp,
		"a newer schema is refused":   testNewerSchema,
		"read-only":                   testReadOnly,
		"what is wrong is said":       testWrong,
		"any path, and nobody else's": testAnyPath,
		"many at once make one file":  testManyAtOnce,
		"a full disk":                 testFullDisk,
		"a writer that does not end":  testBusy,
		"kinds of errors":             testKinds,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, kit)
		})
	}
}

// open opens a store for the length of the test.
func (k Kit) open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := k.Open(t.Context(), path, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func file(t *testing.T) string { return filepath.Join(t.TempDir(), "store.db") }

// Raw opens the file at path for the length of the test, without the store.
func Raw(tb testing.TB, path string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

// Execute runs statements on a file without its store.
func Execute(tb testing.TB, db *sql.DB, statements ...string) {
	tb.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(tb.Context(), s); err != nil {
			tb.Fatalf("%s: %v", s, err)
		}
	}
}

// Prepare reports what SQLite thinks of a statement.
func Prepare(tb testing.TB, db *sql.DB, statement string) error {
	tb.Helper()
	p, err := db.PrepareContext(tb.Context(), statement)
	if err == nil {
		defer func() { _ = p.Close() }() // that it could be prepared is all
	}
	return err
}

// Schema returns what the file is made of, but for the version table.
func Schema(tb testing.TB, path string) string {
	tb.Helper()
	type row struct {
		SQL string `db:"sql"`
	}
	rows, err := sqlrows.Collect[row](Raw(tb, path).QueryContext(tb.Context(), `SELECT coalesce(sql, name) AS sql
		FROM sqlite_master WHERE tbl_name NOT LIKE '%version%' ORDER BY name`))
	if err != nil {
		tb.Fatal(err)
	}
	all := make([]string, len(rows))
	for i, r := range rows {
		all[i] = r.SQL
	}
	return strings.Join(all, "\n")
}
