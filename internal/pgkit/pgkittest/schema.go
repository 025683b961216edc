package pgkittest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/internal/pgtest"
)

// Schema returns what the schema of a database is made of, but for version tables.
func Schema(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `
		SELECT concat_ws(' ', 'column', table_name, column_name, data_type, collation_name, is_nullable, column_default)
		FROM information_schema.columns WHERE table_schema = 'theriac' AND table_name NOT LIKE '%version%'
		UNION ALL
		SELECT indexdef FROM pg_indexes WHERE schemaname = 'theriac' AND tablename NOT LIKE '%version%'
		UNION ALL
		SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid))
		FROM pg_constraint WHERE connamespace = 'theriac'::regnamespace AND conrelid::regclass::text NOT LIKE '%version%'
		UNION ALL
		SELECT 'sequence ' || sequencename FROM pg_sequences WHERE schemaname = 'theriac' AND sequencename NOT LIKE '%version%'
		ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func testUpDownUp(t *testing.T, kit Kit) {
	url := kit.Postgres.Database(t)
	conn := pgtest.Connect(t, url)
	m, err := kit.Migrator(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	first := Schema(t, conn)
	for range m.Want() {
		if _, err := m.Down(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if left := Schema(t, conn); len(first) == 0 || len(left) != 0 {
		t.Errorf("down leaves %v of %v", left, first)
	}
	if done, err := m.Up(t.Context()); err != nil || int64(len(done)) != m.Want() {
		t.Fatalf("up: %v, %v", done, err)
	}
	if diff := cmp.Diff(first, Schema(t, conn)); diff != "" {
		t.Errorf("up, down, up leaves another schema (-first +second)\n%s", diff)
	}
	all, err := m.Status(t.Context())
	if err != nil || len(all) == 0 || all[0].Applied.IsZero() {
		t.Errorf("status: %+v, %v", all, err)
	}
}

func testManyAtOnce(t *testing.T, kit Kit) {
	url := kit.Postgres.Empty(t)
	results := make(chan error, 4)
	for range cap(results) {
		t.Run("one", func(t *testing.T) {
			t.Parallel()
			results <- Migrate(kit.Migrator)(t.Context(), url)
		})
	}
	t.Cleanup(func() {
		for range cap(results) {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
	})
}

func testAnotherSchema(t *testing.T, kit Kit) {
	url := kit.Postgres.Database(t)
	conn := pgtest.Connect(t, url)
	m, err := kit.Migrator(url)
	if err != nil {
		t.Fatal(err)
	}
	want := m.Want()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ change, want string }{
		{"INSERT INTO " + kit.VersionTable + " (version_id, is_applied) VALUES (99, true)",
			fmt.Sprintf("schema is at 99, this program knows only %d; use a newer program", want)},
		{"DROP SCHEMA theriac CASCADE",
			fmt.Sprintf("schema is at 0, this program needs %d; run: theriac migrate up --store postgres://postgres@", want)},
	} {
		pgtest.Execute(t, conn, tt.change)
		_, err := kit.Open(t.Context(), url, Options{})
		if !errors.Is(err, kit.Kinds.Schema) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line that wraps %v and says %q", tt.change, err, kit.Kinds.Schema, tt.want)
		}
	}
}
