package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// Main runs one command line and returns its exit code. More are commands that other packages add.
// The first interrupt or termination signal ends the command's context, the second the process.
func Main(args, environ []string, streams Streams, more ...func(*Tool) *cobra.Command) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return run(ctx, args, newTool(environ, streams), more)
}

func run(ctx context.Context, args []string, t *Tool, more []func(*Tool) *cobra.Command) int {
	root := newRoot(t, more)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	t.Close()
	if err != nil && !errors.As(err, new(*shownError)) {
		printError(t.Err(), err)
	}
	return problem.Of(err).ExitCode()
}

// shownError ends a command whose answer is on the screen already; only its kind is left to report.
type shownError struct{ kind problem.Kind }

// Error names the kind, for tests and wrappers; Main does not print it.
func (e *shownError) Error() string { return string(e.kind) }

// ProblemKind returns the kind.
func (e *shownError) ProblemKind() string { return string(e.kind) }

func printError(w *term.Writer, err error) {
	w.Paint(term.Red, "theriac:")
	w.Printf(" %s\n", oneLine(err))
	if hint := nextStep(err); hint != "" {
		w.Printf("%s\n", hint)
	}
}

// oneLine says each thing once: a line that another begins with is left out.
func oneLine(err error) string {
	var said []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, line) }) {
			continue
		}
		said = slices.DeleteFunc(said, func(s string) bool { return strings.HasPrefix(line, s) })
		said = append(said, line)
	}
	return strings.Join(said, "; ")
}

// nextStep is said below an error.
func nextStep(err error) string {
	if c, ok := errors.AsType[*quarantine.ConflictError](err); ok {
		return "Nothing was changed. Look again, then decide: theriac show " + c.Entry.Ref
	}
	if c, ok := errors.AsType[*quarantine.GroupConflictError](err); ok {
		return "Nothing was changed. Look again, then decide: theriac groups " + c.Group.Ref
	}
	if hint := incidentNextStep(err); hint != "" {
		return hint
	}
	_, noGroup := errors.AsType[*noGroupError](err)
	_, noCrash := errors.AsType[*noCrashError](err)
	_, unreachable := errors.AsType[*app.UnreachableError](err)
	switch {
	case unreachable || errors.Is(err, quarantine.ErrUnavailable) || errors.Is(err, incident.ErrUnavailable):
		return "Workers keep running from what they know. Try: theriac doctor"
	case noGroup:
		return "Try: theriac groups"
	case noCrash:
		return "Try: theriac crashes"
	case errors.Is(err, quarantine.ErrNotFound):
		return "Try: theriac ls state:all"
	default:
		return ""
	}
}
