package incidentd

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/internal/buildinfo"
	"github.com/theriac/theriac/internal/problem"
)

// Main runs one command line and returns its exit code. In a child of the guardian it does not return.
// More are commands that other packages add.
func Main(args, environ []string, out, errs io.Writer, more ...*cobra.Command) int {
	root := newRoot(environ, out)
	root.AddCommand(more...)
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(context.Background())
	if err != nil {
		_, _ = fmt.Fprintf(errs, "incidentd: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return problem.Of(err).ExitCode()
}

// flags are what the command line gives to every command.
type flags struct {
	config.Flags
	listen, slackListen, class string
	orders                     bool
}

func newRoot(environ []string, out io.Writer) *cobra.Command {
	f := &flags{}
	root := &cobra.Command{
		Use:   "incidentd",
		Short: "The incident workflow service",
		Long: "incidentd runs incidents: it takes alerts and declarations, makes channels, calls people, and keeps\n" +
			"the timeline. Alone on one machine it needs nothing else: broker and store are its own.",
		Example: `incidentd all                                 everything, its data in ./theriac-data
incidentd all --store postgres://… --broker pubsub://PROJECT
incidentd worker --class=critical             one part, on a machine of its own`,
		SilenceErrors: true, SilenceUsage: true,
		Args: nothingElse,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return problem.Errorf(problem.Invalid, "%w; see: %s --help", err, c.CommandPath())
	})
	root.CompletionOptions.DisableDefaultCmd = true
	pf := root.PersistentFlags()
	pf.StringVar(&f.Store, "store", "", "store `URL`: postgres://…, sqlite:PATH")
	pf.StringVar(&f.Broker, "broker", "", "broker `URL`: nats://…, pubsub://PROJECT")
	pf.StringVar(&f.DataDir, "data-dir", "", "`DIR` of the embedded engines and of what must outlive a crash (default ./theriac-data)")
	pf.StringVar(&f.Context, "context", "", "`NAME` of a context; see: theriac help environment")
	for _, part := range parts() {
		c := &cobra.Command{
			Use: part.use, Short: part.short, Args: nothingElse,
			RunE: func(c *cobra.Command, _ []string) error {
				return start(c.Context(), *f, environ, out, part)
			},
		}
		if part.listens {
			c.Flags().StringVar(&f.listen, "listen", "", "`HOST:PORT` of web and API (default THERIAC_LISTEN, else 127.0.0.1:8080)")
		}
		if part.slack {
			c.Flags().BoolVar(&f.orders, "demo-orders", false, "run a service that takes orders and dies of one")
			_ = c.Flags().MarkHidden("demo-orders") // it is there
			c.Flags().StringVar(&f.slackListen, "slack-listen", "127.0.0.1:8081", "`HOST:PORT` of the Slack workspace that runs here where no token is given")
		}
		if part.classes {
			c.Flags().StringVar(&f.class, "class", "", "critical or non-critical (required)")
		}
		root.AddCommand(c)
	}
	root.AddCommand(&cobra.Command{
		Use: "version", Short: "Print the version", Args: nothingElse,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(out, "incidentd", buildinfo.Read().Version)
			return err
		},
	})
	return root
}

// nothingElse refuses what is neither a command nor a flag.
func nothingElse(c *cobra.Command, given []string) error {
	if len(given) == 0 {
		return nil
	}
	return problem.Errorf(problem.Invalid, "unknown command %q; see: %s --help", given[0], c.CommandPath())
}

// part is a command that runs one or more roles.
type part struct {
	use, short string
	// listens: it serves web and API. slack: it may run a workspace of its own. classes: it wants a class.
	listens, slack, classes bool
	// roles it runs, in the order of starting.
	roles func(program) ([]string, error)
}

// addresses refuses what is no address: a process that binds it would only try again.
func (part part) addresses(p program) error {
	flags := map[string]string{}
	if part.listens {
		flags["--listen"] = p.incident.Listen
	}
	if part.slack {
		flags["--slack-listen"] = p.flags.slackListen
	}
	for flag, address := range flags {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return problem.Errorf(problem.Invalid, "%s %q: want HOST:PORT, such as 127.0.0.1:8080", flag, address)
		}
	}
	return nil
}

func parts() []part {
	only := func(names ...string) func(program) ([]string, error) {
		return func(program) ([]string, error) { return names, nil }
	}
	return []part{
		{use: "all", short: "Run everything", listens: true, slack: true, roles: program.all},
		{use: "web", short: "Serve web and API", listens: true, roles: only(roleWeb)},
		{use: "worker", short: "Run the handlers of one class", classes: true, roles: program.workerOf},
		{use: "clock", short: "Publish what was stored, ask for what is due, watch over both", roles: only(roleClock)},
		{use: "broker", short: "Run the embedded broker", roles: only(roleBroker)},
	}
}
