package incidentpg_test

import (
	"context"
	"crypto/rand"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentpg"
)

func TestStatements(t *testing.T) {
	t.Parallel()
	conn := connect(t, postgres.Database(t))
	all, err := incidentpg.Statements()
	if err != nil || len(all) < 40 {
		t.Fatalf("%d statements, %v", len(all), err)
	}
	for name, statement := range all {
		if strings.Contains(statement, "@") {
			statement = positional(t, statement)
		}
		if _, err := conn.Prepare(t.Context(), name, statement); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// positional writes named arguments as the server reads them.
func positional(t *testing.T, statement string) string {
	statement, _, err := pgx.NamedArgs{}.RewriteQuery(t.Context(), nil, statement, nil)
	if err != nil {
		t.Fatal(err)
	}
	return statement
}

// schema returns what the schema is made of, but for the version table.
func schema(t *testing.T, conn *pgx.Conn) []string {
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

func TestMigrator_UpDownUp(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	conn := connect(t, url)
	m, err := incidentpg.Migrator(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	first := schema(t, conn)
	for range m.Want() {
		if _, err := m.Down(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if left := schema(t, conn); len(left) != 0 {
		t.Errorf("down leaves %v", left)
	}
	if done, err := m.Up(t.Context()); err != nil || int64(len(done)) != m.Want() {
		t.Fatalf("up: %v, %v", done, err)
	}
	if diff := cmp.Diff(first, schema(t, conn)); diff != "" {
		t.Errorf("up, down, up leaves another schema (-first +second)\n%s", diff)
	}
	all, err := m.Status(t.Context())
	if err != nil || len(all) == 0 || all[0].Applied.IsZero() {
		t.Errorf("status: %+v, %v", all, err)
	}
}

// emptyDatabase returns the URL of a database without a schema.
func emptyDatabase(t *testing.T) string {
	t.Helper()
	server := postgres.Server(t)
	name := "empty_" + strings.ToLower(rand.Text())
	execute(t, connect(t, server.URL("postgres")), "CREATE DATABASE "+name)
	t.Cleanup(func() {
		if err := server.DropDatabase(context.WithoutCancel(t.Context()), name); err != nil {
			t.Error(err)
		}
	})
	return server.URL(name)
}

func TestMigrator_ManyAtOnceMigrateOnce(t *testing.T) {
	t.Parallel()
	url := emptyDatabase(t)
	results := make(chan error, 4)
	for range cap(results) {
		t.Run("one", func(t *testing.T) {
			t.Parallel()
			results <- migrate(t.Context(), url)
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

// TestMigrator_KeepsOutOfTheOtherRoom: the quarantine stands in the same schema, with
// migrations of its own.
func TestMigrator_KeepsOutOfTheOtherRoom(t *testing.T) {
	t.Parallel()
	url := emptyDatabase(t)
	conn := connect(t, url)
	execute(t, conn, "CREATE SCHEMA theriac", "CREATE TABLE theriac.quarantine_version (version_id bigint)",
		"INSERT INTO theriac.quarantine_version VALUES (3)")
	if err := migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	open(t, url)
	m, err := incidentpg.Migrator(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }() // everything was read
	if _, err := m.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	var version int64
	if err := conn.QueryRow(t.Context(), "SELECT version_id FROM theriac.quarantine_version").Scan(&version); err != nil || version != 3 {
		t.Errorf("the other room is at %d, %v", version, err)
	}
}

func TestSchema_KnowsTheWords(t *testing.T) {
	t.Parallel()
	text := strings.Join(schema(t, connect(t, postgres.Database(t))), "\n")
	words := func(constraint string) (got []string) {
		list := regexp.MustCompile(constraint + ` CHECK (.*)`).FindString(text)
		for _, m := range regexp.MustCompile(`'([\w-]+)'`).FindAllStringSubmatch(list, -1) {
			got = append(got, m[1])
		}
		return got
	}
	for constraint, want := range map[string][]string{
		"incident_status_check":     texts(incident.Statuses()),
		"incident_stage_check":      texts(incident.Stages()),
		"incident_mode_check":       texts([]incident.Mode{incident.ModeStandard, incident.ModeTest, incident.ModeRetrospective}),
		"incident_visibility_check": texts([]incident.Visibility{incident.Public, incident.Private}),
		"effect_state_check": texts([]incident.EffectState{incident.EffectClaimed, incident.EffectWaiting,
			incident.EffectDone, incident.EffectFailed}),
	} {
		if diff := cmp.Diff(want, words(constraint)); diff != "" {
			t.Errorf("%s (-code +schema)\n%s", constraint, diff)
		}
	}
}

func texts[T ~string](all []T) (out []string) {
	for _, v := range all {
		out = append(out, string(v))
	}
	return out
}

func TestOpen_RefusesAnotherSchema(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	conn := connect(t, url)
	for _, tt := range []struct{ change, want string }{
		{"INSERT INTO theriac.incident_version (version_id, is_applied) VALUES (99, true)",
			"schema is at 99, this program knows only 1; use a newer program"},
		{"DROP SCHEMA theriac CASCADE",
			"schema is at 0, this program needs 1; run: theriac migrate up --store postgres://postgres@"},
	} {
		execute(t, conn, tt.change)
		_, err := incidentpg.Open(t.Context(), url, incidentpg.Options{})
		if !errors.Is(err, incident.ErrSchema) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("after %s: %v", tt.change, err)
		}
	}
}

// TestSchemaGoneLater: a schema that went while the program runs is no outage.
func TestSchemaGoneLater(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	s := open(t, url)
	execute(t, connect(t, url), "DROP SCHEMA theriac CASCADE")
	if _, err := s.Get(t.Context(), "INC-1"); !errors.Is(err, incident.ErrSchema) {
		t.Errorf("error %v, want ErrSchema", err)
	}
}

func TestOpen_RefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		url     string
		options incidentpg.Options
		want    error
	}{
		"no URL":             {"host=/tmp password=hunter2", incidentpg.Options{}, incident.ErrInvalid},
		"a URL that is none": {"postgres://user:hunter2@host:notaport/db", incidentpg.Options{}, incident.ErrInvalid},
		"connections":        {"postgres://user:hunter2@host/db", incidentpg.Options{MaxConns: -1}, incident.ErrInvalid},
		"no time":            {"postgres://user:hunter2@host/db", incidentpg.Options{StatementTimeout: 1}, incident.ErrInvalid},
		"nobody there":       {"postgres://user:hunter2@127.0.0.1:1/db", incidentpg.Options{}, incident.ErrUnavailable},
	} {
		_, err := incidentpg.Open(t.Context(), tt.url, tt.options)
		if !errors.Is(err, tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: error %v, want one that wraps %q and shows no password", name, err, tt.want)
		}
	}
}
