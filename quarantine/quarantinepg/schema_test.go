package quarantinepg_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinepg"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

func TestStatements(t *testing.T) {
	t.Parallel()
	conn := connect(t, postgres.Database(t))
	n := 0
	quarantinetest.RunStatementTests(t, func(statement string) error {
		n++
		_, err := conn.Prepare(t.Context(), fmt.Sprint("s", n), statement)
		return err
	})
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
	m, err := quarantinepg.Migrator(url)
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

func TestMigrator_ManyAtOnceMigrateOnce(t *testing.T) {
	t.Parallel()
	server := postgres.Server(t)
	database := "at_once_" + strings.ToLower(rand.Text())
	if _, err := connect(t, server.URL("postgres")).Exec(t.Context(), "CREATE DATABASE "+database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.DropDatabase(context.WithoutCancel(t.Context()), database); err != nil {
			t.Error(err)
		}
	})
	results := make(chan error, 4)
	for range cap(results) {
		t.Run("one", func(t *testing.T) {
			t.Parallel()
			results <- migrate(t.Context(), server.URL(database))
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

func TestSchema_KnowsTheStates(t *testing.T) {
	t.Parallel()
	text := strings.Join(schema(t, connect(t, postgres.Database(t))), "\n")
	list := regexp.MustCompile(`entry_state_check CHECK (.*)`).FindString(text)
	var got, want, counters []string
	for _, m := range regexp.MustCompile(`'(\w+)'`).FindAllStringSubmatch(list, -1) {
		got = append(got, m[1])
	}
	for _, s := range quarantine.States() {
		want = append(want, string(s))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states (-code +schema)\n%s", diff)
	}
	var gotSuspect, wantSuspect []string
	for _, m := range regexp.MustCompile(`'(\w+)'`).FindAllStringSubmatch(regexp.MustCompile(`suspect_state_check CHECK (.*)`).FindString(text), -1) {
		gotSuspect = append(gotSuspect, m[1])
	}
	for _, s := range quarantine.SuspectStates() {
		wantSuspect = append(wantSuspect, string(s))
	}
	if diff := cmp.Diff(wantSuspect, gotSuspect); diff != "" {
		t.Errorf("states of a suspect (-code +schema)\n%s", diff)
	}
	for _, m := range regexp.MustCompile(`CHECK \(\((\w+) >= 0\)\)`).FindAllStringSubmatch(text, -1) {
		counters = append(counters, m[1])
	}
	if diff := cmp.Diff([]string{"discarded", "held", "replayed", "replaying"}, counters); diff != "" {
		t.Errorf("counters of a group (-states +columns)\n%s", diff)
	}
}

func TestOpen_RefusesAnotherSchema(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	conn := connect(t, url)
	for _, tt := range []struct{ change, want string }{
		{"INSERT INTO theriac.quarantine_version (version_id, is_applied) VALUES (99, true)",
			"schema is at 99, this program knows only 4; use a newer program"},
		{"DROP SCHEMA theriac CASCADE",
			"schema is at 0, this program needs 4; run: theriac migrate up --store postgres://postgres@"},
	} {
		if _, err := conn.Exec(t.Context(), tt.change); err != nil {
			t.Fatal(err)
		}
		_, err := quarantinepg.Open(t.Context(), quarantinepg.Config{URL: url})
		if !errors.Is(err, quarantine.ErrSchema) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line that wraps ErrSchema and says %q", tt.change, err, tt.want)
		}
	}
}

func TestMigrator_CrashStepOnAFullDatabase(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	quarantinetest.RunCrashStepTests(t, open(t, url), func() quarantine.Store { return stepBack(t, url, 1) })
}

func TestMigrator_NoticeStepOnAFullDatabase(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	quarantinetest.RunNoticeStepTests(t, open(t, url), func() quarantine.Store { return stepBack(t, url, 2) })
}

func TestMigrator_ControlStepOnAFullDatabase(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	quarantinetest.RunControlStepTests(t, open(t, url), func() quarantine.Store { return stepBack(t, url, 3) })
}

// TestSchema_KnowsTheLevels compares the check of the schema with the code.
func TestSchema_KnowsTheLevels(t *testing.T) {
	t.Parallel()
	text := strings.Join(schema(t, connect(t, postgres.Database(t))), "\n")
	var got []string
	for _, m := range regexp.MustCompile(`'([\w-]*)'`).FindAllStringSubmatch(regexp.MustCompile(`control_level_check CHECK (.*)`).FindString(text), -1) {
		got = append(got, m[1])
	}
	want := []string{""}
	for _, level := range handlers.ShedLevels() {
		if level != handlers.ShedNothing {
			want = append(want, string(level))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("levels (-code +schema)\n%s", diff)
	}
}

// TestSchema_AnOlderProgramGoesOn runs what a program of step 2 writes.
func TestSchema_AnOlderProgramGoesOn(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	conn := connect(t, url)
	for _, statement := range []string{
		`INSERT INTO theriac.entry_group (seq, ref, fingerprint, subscription, title, place, reason, basis, builds)
			VALUES (1, 'G-1', 'fp-1', 'billing', '', '', 'failed', '', '')`,
		`UPDATE theriac.entry_group SET held = held + 1, last_at = now() WHERE seq = 1`,
		`INSERT INTO theriac.audit (entry_id, ref, from_state, to_state, version, actor, via, claimed, reason, at)
			VALUES (gen_random_uuid(), 'Q-1', 'held', 'replaying', 2, 'ana', 'cli', true, '', now())`,
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	s := open(t, url)
	rows, err := s.Audit(t.Context(), "", 10)
	if err != nil || len(rows) != 1 || rows[0].Ref != "Q-1" {
		t.Errorf("audit: %+v, %v", rows, err)
	}
	if due, err := s.NoticesDue(t.Context(), 0); err != nil || len(due) != 0 {
		t.Errorf("due: %+v, %v", due, err)
	}
}

// stepBack takes the schema back to a version and makes all later steps again.
func stepBack(t *testing.T, url string, version int64) quarantine.Store {
	t.Helper()
	m, err := quarantinepg.Migrator(url)
	if err != nil {
		t.Fatal(err)
	}
	for range m.Want() - version {
		if _, err := m.Down(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, url)
}
