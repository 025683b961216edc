package drill_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDrill_Refuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		code int
		says string
	}{
		{"a word too many", []string{"drill", "now"}, 2, `unexpected "now"`},
		{"an unknown way", []string{"drill", "--ways", "boredom"}, 2, `no way of dying is called "boredom"; known: panic,`},
		{"an unknown engine", []string{"drill", "--engine", "kafka"}, 2, `unknown engine "kafka"`},
		{"nothing in flight", []string{"drill", "--in-flight", "0"}, 2, "--in-flight 0: want 1 to 240"},
		{"too many replicas", []string{"drill", "--replicas", "1,9"}, 2, "--replicas 9: want 1 to 8"},
		{"no runs", []string{"drill", "--runs", "0"}, 2, "--runs 0: want 1 to 100"},
		{"no time", []string{"drill", "--timeout", "1ms"}, 2, "--timeout 1ms: want 1s to 1h"},
		{"a store that is not used", []string{"drill", "--store", "sqlite:x"}, 2, "--broker and --store are for --engine pubsub"},
		{"a store of another kind", []string{"drill", "--engine", "pubsub", "--store", "sqlite:x"}, 2, "needs --store postgres://"},
		{"a broker of another kind", []string{"drill", "--engine", "pubsub", "--broker", "nats://localhost"}, 2, "needs --broker pubsub://PROJECT"},
		{"production", []string{"drill", "--context", "prod"}, 2, "context prod is PROD, and a drill publishes poison"},
		{"production, the replay", []string{"drill", "november", "--context", "prod"}, 2, "context prod is PROD"},
		{"production, kills", []string{"drill", "kills", "--context", "prod"}, 2, "context prod is PROD"},
		{"what must not be written to", []string{"drill", "--context", "look"}, 4, "context look is READ_ONLY"},
		{"no kills", []string{"drill", "kills", "--kills", "0"}, 2, "--kills 0: want 1 to 100000"},
		{"too long an outage", []string{"drill", "outage", "--lasts", "1h"}, 2, "--lasts 1h0m0s: want 1s to 10m"},
		{"no deaths to tell of", []string{"drill", "evidence", "--deaths", "0"}, 2, "--deaths 0: want 1 to 2000"},
		{"ways that kill nobody", []string{"drill", "evidence", "--ways", "panic"}, 2, "none of them ends a process"},
		{"too slow to end", []string{"drill", "evidence", "--latency", "1m"}, 2, "--latency 1m0s: want 0s to 5s"},
		{"a replica without a drill", []string{"drill-replica", "/nowhere"}, 1, "a replica is started by theriac drill"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			contexts := filepath.Join(dir, "theriac")
			check(t, os.Mkdir(contexts, 0o700))
			check(t, os.WriteFile(filepath.Join(contexts, "prod.env"), []byte("PROD=1\n"), 0o600))
			check(t, os.WriteFile(filepath.Join(contexts, "look.env"), []byte("READ_ONLY=1\n"), 0o600))
			stdout, stderr, code := output(t, theriac(t, dir, tt.args...))
			if code != tt.code || !strings.Contains(stderr, tt.says) || stdout != "" {
				t.Errorf("exit code %d, want %d; it said %q, want %q", code, tt.code, stderr, tt.says)
			}
			left, err := filepath.Glob(filepath.Join(dir, "theriac-drill-*"))
			check(t, err)
			if len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}

// fieldsOfRows are what scripts may rely on, in the order of the issue.
const fieldsOfRows = "way in_flight replicas worker_deaths ward_deaths web_failures expected named stack " +
	"innocents_quarantined lost duplicates contained_ms"

func TestDrill_JSON(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stdout, stderr, code := output(t, theriac(t, dir, "drill", "--json", "--ways", "panic", "--in-flight", "2", "--replicas", "1", "--seed", "7"))
	if code != 0 {
		t.Fatalf("exit code %d: %s%s", code, stderr, stdout)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines, want a row and a summary:\n%s", len(lines), stdout)
	}
	row, sum := decode(t, lines[0]), decode(t, lines[1])
	for field := range strings.FieldsSeq(fieldsOfRows) {
		if _, ok := row[field]; !ok {
			t.Errorf("the row has no %s", field)
		}
	}
	want := map[string]any{
		"schema": "theriac/1", "way": "panic", "in_flight": 2.0, "replicas": 1.0, "worker_deaths": 0.0, "ward_deaths": 0.0,
		"web_failures": 0.0, "expected": "held", "named": true, "stack": true, "innocents_quarantined": 0.0,
		"lost": 0.0, "duplicates": 0.0, "ended": "held", "passed": true, "engine": "embedded",
	}
	got := map[string]any{}
	for field := range want {
		got[field] = row[field]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the row (-want +got):\n%s", diff)
	}
	if sum["summary"] != true || sum["rows"] != 1.0 || sum["passed"] != 1.0 || sum["seed"] != 7.0 || sum["complete"] != true {
		t.Errorf("the summary is %s", lines[1])
	}
}

func decode(t *testing.T, line string) (object map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), &object); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return object
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
