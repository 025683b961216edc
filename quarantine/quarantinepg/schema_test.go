package quarantinepg_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/pgkit/pgkittest"
	"github.com/theriac/theriac/internal/pgtest"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinepg"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

func TestStatements(t *testing.T) {
	t.Parallel()
	conn := pgtest.Connect(t, postgres.Database(t))
	n := 0
	quarantinetest.RunStatementTests(t, func(statement string) error {
		n++
		_, err := conn.Prepare(t.Context(), fmt.Sprint("s", n), statement)
		return err
	})
}

func TestSchema_KnowsTheStates(t *testing.T) {
	t.Parallel()
	text := strings.Join(pgkittest.Schema(t, pgtest.Connect(t, postgres.Database(t))), "\n")
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
	text := strings.Join(pgkittest.Schema(t, pgtest.Connect(t, postgres.Database(t))), "\n")
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
	conn := pgtest.Connect(t, url)
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
