package incidentpg_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentpg"
	"github.com/theriac/theriac/internal/pgkit/pgkittest"
	"github.com/theriac/theriac/internal/pgtest"
)

func TestStatements(t *testing.T) {
	t.Parallel()
	conn := pgtest.Connect(t, postgres.Database(t))
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

// TestMigrator_KeepsOutOfTheOtherRoom: the quarantine stands in the same schema, with
// migrations of its own.
func TestMigrator_KeepsOutOfTheOtherRoom(t *testing.T) {
	t.Parallel()
	url := postgres.Empty(t)
	conn := pgtest.Connect(t, url)
	pgtest.Execute(t, conn, "CREATE SCHEMA theriac", "CREATE TABLE theriac.quarantine_version (version_id bigint)",
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
	text := strings.Join(pgkittest.Schema(t, pgtest.Connect(t, postgres.Database(t))), "\n")
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

// TestSchemaGoneLater: a schema that went while the program runs is no outage.
func TestSchemaGoneLater(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	s := open(t, url)
	pgtest.Execute(t, pgtest.Connect(t, url), "DROP SCHEMA theriac CASCADE")
	if _, err := s.Get(t.Context(), "INC-1"); !errors.Is(err, incident.ErrSchema) {
		t.Errorf("error %v, want ErrSchema", err)
	}
}
