package incidentdemo

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/incidentd"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// NewCommand returns `incidentd demo`.
func NewCommand(environ []string, out io.Writer) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "demo",
		Short: "See it work: a real incident from its cause to its close, poison included",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return run(ctx, dir, environ, out)
		},
	}
	c.Flags().StringVar(&dir, "data-dir", "", "keep the data in `DIR` (default: a temporary one, removed at the end)")
	return c
}

// run is the demo.
func run(ctx context.Context, dir string, environ []string, out io.Writer) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "incidentd-demo-"); err != nil {
			return problem.Errorf(problem.Unavailable, "make a temporary directory: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	slack, err := slackfake.Start(ctx, slackfake.Config{
		TeamName: "Theriac demo", Events: incidentd.SlackEvents(),
		Channels: []slackfake.Channel{{ID: opsChannel, Name: "ops"}, {ID: incidentsChannel, Name: "incidents"}},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, slack.Close()) }()
	began := time.Now()
	s, err := startService(ctx, dir, environ, slack)
	if err != nil {
		return errors.Join(err, s.stop())
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	tale := &story{dir: dir, api: newAPI(s), slack: slack, out: term.NewWriter(out, false), began: began}
	tale.tell("incidentd runs at %s: broker, web, workers, clock, metrics", s.url)
	if err := tale.prepare(ctx); err != nil {
		return err
	}
	if err := tale.run(ctx); err != nil {
		return problem.Errorf(problem.BadAnswer, "%w\nthe service said last:\n%s", err, s.log.text())
	}
	return tale.report(ctx)
}
