package incidentd

import (
	"io"
	"log/slog"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/internal/problem"
)

// logFormat is the format that was asked for, or else what fits where the log goes. Only the guardian sees
// the terminal, since it reads what its children say; so it names them the format that it found.
func logFormat(asked string, errs *os.File) (string, error) {
	if asked != "" {
		return asked, nil
	}
	if !term.IsTerminal(int(errs.Fd())) {
		return config.LogJSON, nil
	}
	if err := os.Setenv(config.LogFormatVariable, config.LogText); err != nil {
		return "", problem.Errorf(problem.Internal, "the format of the log cannot be set: %w", err)
	}
	return config.LogText, nil
}

// newLog writes a line of text for who watches, or one JSON object a line. Durations are written as people
// write them: nobody counts the digits of nanoseconds.
func newLog(out io.Writer, format string) *slog.Logger {
	readable := func(groups []string, a slog.Attr) slog.Attr {
		switch {
		case a.Value.Kind() == slog.KindDuration:
			a.Value = slog.StringValue(a.Value.Duration().String())
		case a.Key == slog.TimeKey && len(groups) == 0 && format == config.LogText:
			a.Value = slog.StringValue(a.Value.Time().UTC().Format(time.TimeOnly))
		}
		return a
	}
	options := &slog.HandlerOptions{ReplaceAttr: readable}
	if format == config.LogText {
		return slog.New(slog.NewTextHandler(out, options))
	}
	return slog.New(slog.NewJSONHandler(out, options)).With("service", "incidentd")
}
