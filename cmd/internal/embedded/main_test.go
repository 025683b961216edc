package embedded_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/theriac/theriac/cmd/internal/embedded"
	"github.com/theriac/theriac/internal/problem"
)

// holderCommand makes the test binary a parent that starts a broker and waits to be killed.
const holderCommand = "test-parent"

// silent is the name of a directory whose broker never says a word. A script that a test writes would do,
// but for a process that another test starts meanwhile: it may hold the script open, and nobody can run it.
const silent = "silent"

// TestMain lets the test binary be the processes that tests start.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case embedded.Subcommand:
			if filepath.Base(os.Args[2]) == silent {
				_, _ = io.Copy(io.Discard, os.Stdin)
				os.Exit(0)
			}
			err := embedded.Serve(context.Background(), os.Args[2], os.Stdin, os.Stdout, os.Stderr)
			os.Exit(problem.Of(err).ExitCode())
		case holderCommand:
			os.Exit(holdForever(os.Args[2]))
		}
	}
	goleak.VerifyTestMain(m)
}
