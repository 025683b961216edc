package demo_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDemo_JSON(t *testing.T) {
	t.Parallel()
	stdout, stderr, code := output(t, theriac(t, "demo", "--json", "--messages", "100"))
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	r := decode(t, stdout)
	checkComplete(t, r, 100)
	if r.WallMS <= 0 || r.WallMS > 60_000 { // some 5 s; others may use the machine, and the race detector is on
		t.Errorf("wall_ms is %d, want at most a minute", r.WallMS)
	}
	states, reasons := map[string]string{}, map[string]string{}
	for _, e := range r.Entries {
		if !strings.HasPrefix(e.Ref, "Q-") || e.Title == "" || e.Where == "" {
			t.Errorf("an entry lacks its reference, title or place: %+v", e)
		}
		states[e.Way], reasons[e.Way] = e.State, e.Reason
	}
	wantStates := map[string]string{
		"error": "held", "permanent error": "held", "undecodable": "held", "panic": "held",
		"nil dereference": "replayed", "goexit": "held", "hang": "held",
	}
	wantReasons := map[string]string{
		"error": "failed", "permanent error": "permanent", "undecodable": "undecodable", "panic": "failed",
		"nil dereference": "failed", "goexit": "failed", "hang": "hung",
	}
	if diff := cmp.Diff(wantStates, states); diff != "" {
		t.Errorf("states: %s", diff)
	}
	if diff := cmp.Diff(wantReasons, reasons); diff != "" {
		t.Errorf("reasons: %s", diff)
	}
}

func TestDemo_ForPeople_AndAgainInItsDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	stdout, stderr, code := output(t, theriac(t, "demo", "--messages", "40", "--data-dir", dir))
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, want := range []string{
		"IT ADDS UP  after ", "40 published = 34 done + 6 held + 0 discarded   0 lost   0 duplicates\n",
		"No other message suffered.", `chat: no channel for team "mobile-2019"`, "mended, replayed",
		"theriac why Q-", "THERIAC_DATA_DIR=" + dir,
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the report does not say %q:\n%s", want, stdout)
		}
	}
	for line := range strings.Lines(stdout) {
		if len(line) > 100 && !strings.Contains(line, dir) {
			t.Errorf("a line of %d columns: %q", len(line), line)
		}
	}
	again, stderr, code := output(t, theriac(t, "demo", "--json", "--data-dir", dir))
	if code != 0 {
		t.Fatalf("again: exit code %d: %s", code, stderr)
	}
	checkComplete(t, decode(t, again), 40)
	listed, stderr, code := output(t, theriac(t, "ls", "-o", "name", "--data-dir", dir))
	if code != 0 || strings.Count(listed, "Q-") != 6 {
		t.Errorf("theriac ls: exit code %d, %q, %s; want the 6 that are held", code, listed, stderr)
	}
}
