package demo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/cmd/internal/demo"
	"github.com/theriac/theriac/cmd/internal/embedded"
)

// TestMain lets the test binary be theriac itself: the demo, and the broker that the demo starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "demo" || os.Args[1] == "ls" || os.Args[1] == embedded.Subcommand) {
		environ := os.Environ()
		os.Exit(cli.Main(os.Args[1:], environ, cli.FileStreams(os.Stdin, os.Stdout, os.Stderr), demo.Commands(environ)...))
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start")) // Google's client starts it on import
}

// report is what scripts read of the demo's JSON.
type report struct {
	Schema      string `json:"schema"`
	Published   int    `json:"published"`
	Done        int    `json:"done"`
	Quarantined int    `json:"quarantined"`
	Discarded   int    `json:"discarded"`
	Replayed    int    `json:"replayed"`
	Lost        int    `json:"lost"`
	Duplicates  int    `json:"duplicates"`
	WallMS      int64  `json:"wall_ms"`
	AddsUp      bool   `json:"adds_up"`
	Unfinished  int    `json:"unfinished"`
	Innocent    int    `json:"innocent"`
	Entries     []struct {
		Ref, Way, State, Reason, Title, Where string
	} `json:"entries"`
}

// theriac is a command line to run in a process of its own.
func theriac(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "THERIAC_STORE=", "THERIAC_BROKER=", "THERIAC_CONTEXT=", "GORACE=atexit_sleep_ms=0")
	return cmd
}

// output runs cmd to its end and returns what it printed and its exit code.
func output(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	} else if ok {
		code = exit.ExitCode()
	}
	return out.String(), errs.String(), code
}

func decode(t *testing.T, text string) (r report) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Errorf("the report is no JSON object: %v\n%s", err, text)
	}
	return r
}

// checkComplete checks the report of a demo of n messages that came to its end.
func checkComplete(t *testing.T, r report, n int) {
	t.Helper()
	want := report{
		Schema: "theriac/1", Published: n, Done: n - 6, Quarantined: 6, Replayed: 1, AddsUp: true,
		WallMS: r.WallMS, Entries: r.Entries,
	}
	if got, want := toJSON(t, r), toJSON(t, want); got != want {
		t.Errorf("the report is\n%s\nwant\n%s", got, want)
	}
	if r.Published != r.Done+r.Quarantined+r.Discarded {
		t.Error("published is not done + quarantined + discarded")
	}
	// A publish whose result a kill swallowed is repeated. Pub/Sub has no way to tell, so its
	// second copy is an entry of its own; it is one event all the same.
	ways := map[string]bool{}
	for _, e := range r.Entries {
		ways[e.Way] = true
	}
	if len(ways) != 7 {
		t.Errorf("entries of %d ways to fail, want 7: %+v", len(ways), r.Entries)
	}
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
