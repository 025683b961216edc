package drill_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/cmd/internal/drill"
	"github.com/theriac/theriac/cmd/internal/drill/replica"
)

// TestMain lets the test binary be theriac itself: the drill, and the replicas that it starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "drill" || os.Args[1] == replica.Subcommand) {
		environ := os.Environ()
		os.Exit(cli.Main(os.Args[1:], environ, cli.FileStreams(os.Stdin, os.Stdout, os.Stderr), drill.Commands(environ)...))
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start")) // Google's client starts it on import
}

// theriac is a command line to run in a process of its own, with its temporary files in dir.
func theriac(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, "HOME="+dir, "XDG_CONFIG_HOME="+dir,
		"THERIAC_STORE=", "THERIAC_BROKER=", "THERIAC_CONTEXT=", "PUBSUB_EMULATOR_HOST=", "GORACE=atexit_sleep_ms=0")
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
