package sqlrows_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite" // the driver that the tests open

	"github.com/theriac/theriac/internal/sqlrows"
)

type pair struct {
	Name  string `db:"name"`
	Count int64  `db:"count"`
}

func TestCollect(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	query := func(q string) ([]pair, error) { return sqlrows.Collect[pair](db.QueryContext(t.Context(), q)) }

	got, err := query("SELECT 2 AS count, 'a' AS name UNION ALL SELECT 3, 'b'")
	if diff := cmp.Diff([]pair{{"a", 2}, {"b", 3}}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	for name, q := range map[string]string{
		"a column too many":  "SELECT 1 AS count, 'a' AS name, 2 AS more",
		"a column too few":   "SELECT 1 AS count",
		"a column twice":     "SELECT 1 AS count, 'a' AS name, 'b' AS name",
		"a value of no use":  "SELECT 'x' AS count, 'a' AS name",
		"a broken statement": "SELEC",
	} {
		if got, err := query(q); err == nil {
			t.Errorf("%s: got %v and no error", name, got)
		}
	}

	one := func(q string) (pair, error) { return sqlrows.One[pair](db.QueryContext(t.Context(), q)) }
	if got, err := one("SELECT 2 AS count, 'a' AS name"); err != nil || got != (pair{"a", 2}) {
		t.Errorf("One: %v, %v", got, err)
	}
	if _, err := one("SELECT 2 AS count, 'a' AS name WHERE false"); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("One of none: %v, want sql.ErrNoRows", err)
	}
	if _, err := one("SELECT 2 AS count, 'a' AS name UNION ALL SELECT 3, 'b'"); err == nil {
		t.Error("One of several: no error")
	}
}
