package embedded_test

import (
	"context"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/theriac/theriac/cmd/internal/embedded"
	"github.com/theriac/theriac/internal/problem"
)

// holderCommand makes the test binary a parent that starts a broker and waits to be killed.
const holderCommand = "test-parent"

// TestMain lets the test binary be the processes that tests start.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case embedded.Subcommand:
			err := embedded.Serve(context.Background(), os.Args[2], os.Stdin, os.Stdout, os.Stderr)
			os.Exit(problem.Of(err).ExitCode())
		case holderCommand:
			os.Exit(holdForever(os.Args[2]))
		}
	}
	goleak.VerifyTestMain(m)
}
