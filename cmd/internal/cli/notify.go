package cli

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/notices"
	"github.com/theriac/theriac/cmd/internal/term"
)

func newNotifyCommand(t *Tool) *cobra.Command {
	var listen string
	c := &cobra.Command{
		Use:   "notify",
		Short: "Tell people in Slack what is held, and take their clicks",
		Long: `Run until it is ended: post one message in Slack for each problem, edit it as the problem goes on,
and do what people click. What Slack does not take in time goes to PagerDuty or a signed webhook,
where they are set. Whom to tell stands in the environment: see theriac help environment.

Any number may run on one store: one tells, and another goes on when it is gone.`,
		Example: `THERIAC_SLACK_TOKEN=xoxb-… THERIAC_SLACK_CHANNEL='#ops' theriac notify
theriac notify --listen 127.0.0.1:8090      clicks over HTTP, behind a proxy with TLS`,
		Args: args(0, 0, "notify [--listen ADDRESS]"),
		RunE: func(c *cobra.Command, _ []string) error { return t.notify(c.Context(), listen) },
	}
	c.Flags().StringVar(&listen, "listen", "", "`HOST:PORT` for clicks over HTTP, at "+notices.Path+" (default: Socket Mode)")
	noFiles(c.RegisterFlagCompletionFunc("listen", cobra.NoFileCompletions))
	return c
}

func (t *Tool) notify(ctx context.Context, listen string) error {
	s, err := t.beginWrite(false)
	if err != nil {
		return err
	}
	told, err := config.LoadNotices(s, t.environ)
	if err != nil {
		return err
	}
	room, err := t.Room(ctx)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(term.NewWriter(t.Streams.Err, false), nil))
	n, err := notices.New(notices.Config{
		Settings: told, Service: room, Listen: listen, Logger: log,
		Serving: func(url string) { t.Hint("Clicks come in at %s. Give its public address to the Slack app.", url) },
	})
	if err != nil {
		return err
	}
	defer n.Close()
	if who, err := n.Check(ctx); err != nil {
		log.Warn("Slack does not answer yet; notices wait", "error", err)
	} else {
		t.Hint("Telling %s in workspace %s. Ctrl-C ends it; nothing is lost meanwhile.", told.SlackChannel, who.Team)
	}
	return n.Run(ctx)
}
