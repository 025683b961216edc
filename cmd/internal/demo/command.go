package demo

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/embedded"
	"github.com/theriac/theriac/cmd/internal/output"
	"github.com/theriac/theriac/cmd/internal/term"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

// The engines.
const (
	engineEmbedded = "embedded"
	engineCloud    = "pubsub+postgres"
)

const defaultMessages = 1000

type options struct {
	engine     string
	messages   int
	json, stay bool
	migrate    bool
	given      map[string]bool // flags that were given
	quiet      bool
	environ    []string
}

// Commands returns the demo and the broker process that it starts.
func Commands(environ []string) []func(*cli.Tool) *cobra.Command {
	return []func(*cli.Tool) *cobra.Command{
		func(t *cli.Tool) *cobra.Command { return newCommand(t, environ) },
		func(*cli.Tool) *cobra.Command { return embedded.NewCommand() },
	}
}

func newCommand(t *cli.Tool, environ []string) *cobra.Command {
	o := &options{environ: environ}
	c := &cobra.Command{
		Use:   "demo",
		Short: "See it work: messages, poison among them, and a report",
		Long: `Start a broker, a store and a worker with three subscriptions, publish incident events and, among
them, one message for each way in which a handler can fail: error, permanent error, undecodable,
panic, nil dereference, Goexit, hang. Then mend one handler, replay its message, and count:

  published = done + held + discarded, with nothing lost and nothing done twice

A message that was held and then replayed counts as done; "replayed" says how many those are.
Exit code 0 says that the numbers add up, 9 that they do not.

Everything runs on this machine, in a temporary directory. With --data-dir it is kept: a demo that
was killed goes on where it stopped, and one that has ended is reported again. --stay keeps worker
and broker running afterwards, to try the other commands on what is held.`,
		Example: `theriac demo
theriac demo --stay --data-dir theriac-data
theriac demo --json
PUBSUB_EMULATOR_HOST=localhost:8085 theriac demo --engine pubsub+postgres \
    --broker pubsub://demo --store postgres://localhost/theriac`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return problem.Errorf(problem.Invalid, "unexpected %q, want: theriac demo [flags]", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			o.given = map[string]bool{}
			for _, name := range []string{"messages", "data-dir", "store", "broker"} {
				o.given[name] = c.Flags().Changed(name)
			}
			o.quiet, _ = c.Flags().GetBool("quiet") // it is absent only in a test
			return o.run(c.Context(), t)
		},
	}
	f := c.Flags()
	f.StringVar(&o.engine, "engine", engineEmbedded, "`ENGINE`: embedded, or pubsub+postgres with --broker and --store")
	f.IntVar(&o.messages, "messages", defaultMessages, "publish `N` messages")
	f.BoolVar(&o.json, "json", false, "print the report as one JSON object")
	f.BoolVar(&o.stay, "stay", false, "keep worker and broker running after the report, until Ctrl-C")
	f.BoolVar(&o.migrate, "migrate", false, "with pubsub+postgres: bring the store's schema up to date first")
	return c
}

func (o *options) run(ctx context.Context, t *cli.Tool) (err error) {
	given, err := t.Settings()
	if err != nil {
		return err
	}
	if err := o.validate(given); err != nil {
		return err
	}
	dir := ""
	if o.given["data-dir"] {
		dir = given.DataDir
	}
	dir, giveBack, err := claimDir(dir, "theriac demo")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, giveBack()) }()
	s, err := o.settings(dir, given)
	if err != nil {
		return err
	}
	d, err := openDemo(ctx, s)
	if err != nil && ctx.Err() != nil {
		return problem.Errorf(problem.Interrupted, "stopped before it began")
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	return o.show(ctx, t, d)
}

// show runs the demo and prints its report: while it runs with --stay, else when it has ended.
func (o *options) show(ctx context.Context, t *cli.Tool, d *demo) error {
	if t.ErrTerminal && !o.quiet {
		d.progress = newBar(t.Streams.Err, len(d.messages))
	}
	var verdict error
	reported := false
	err := d.run(ctx, func(ctx context.Context) error {
		if !o.stay {
			return nil
		}
		reported = true
		if verdict = o.report(ctx, t, d, false); problem.Of(verdict) != problem.None && problem.Of(verdict) != problem.BadAnswer {
			return verdict
		}
		t.Hint("Worker and broker keep running. Ctrl-C ends them.")
		<-ctx.Done()
		return nil
	})
	d.progress.end()
	switch {
	case err != nil && ctx.Err() == nil:
		return err
	case reported:
		return verdict
	default:
		return errors.Join(o.report(context.WithoutCancel(ctx), t, d, ctx.Err() != nil), err)
	}
}

// report prints the account and returns what the exit code rests on.
func (o *options) report(ctx context.Context, t *cli.Tool, d *demo, interrupted bool) error {
	r, err := d.report(ctx, interrupted)
	if err != nil {
		return err
	}
	if !o.stay {
		r.Metrics, r.Slack = "", "" // nobody could look any more
	}
	kept := o.given["data-dir"]
	if !kept {
		r.DataDir = ""
	}
	format := output.Options{Format: string(output.Table)}
	if o.json {
		format.Format = string(output.JSON)
	}
	names := make([]string, len(r.Entries))
	for i, e := range r.Entries {
		names[i] = e.Ref
	}
	s := screen{report: r, columns: t.Columns, program: program(), interrupted: interrupted, kept: kept, stays: o.stay}
	err = t.Print(format, output.Answer{Value: r, Names: names, Layout: output.Screen(func(w *term.Writer) { s.print(w) })})
	switch {
	case err != nil:
		return err
	case interrupted:
		return problem.Errorf(problem.Interrupted, "stopped; unfinished: %s of %s", thousands(r.Unfinished), thousands(len(d.messages)))
	case !r.AddsUp:
		return problem.Errorf(problem.BadAnswer, "the numbers do not add up: %s%s", r.wrong(), d.log.lastLine())
	default:
		return nil
	}
}

// program is what to type for theriac: its name, or where it is if the shell would not find it.
func program() string {
	const name = "theriac"
	if _, err := exec.LookPath(name); err == nil || filepath.Base(os.Args[0]) != name {
		return name
	}
	return os.Args[0]
}

func (o *options) validate(given config.Settings) error {
	switch {
	case o.messages < minMessages || o.messages > maxMessages:
		return problem.Errorf(problem.Invalid, "--messages %d: want %d to %s", o.messages, minMessages, thousands(maxMessages))
	case o.engine == engineEmbedded && (o.given["store"] || o.given["broker"]):
		return problem.Errorf(problem.Invalid, "--store and --broker are for --engine %s; the embedded engines live in --data-dir", engineCloud)
	case o.engine == engineEmbedded && o.migrate:
		return problem.Errorf(problem.Invalid, "--migrate is for --engine %s; the embedded store brings itself up to date", engineCloud)
	case o.engine == engineEmbedded:
		return nil
	case o.engine != engineCloud:
		return problem.Errorf(problem.Invalid, "unknown engine %q; --engine takes %s, %s", o.engine, engineEmbedded, engineCloud)
	case given.ReadOnly:
		return problem.Errorf(problem.NotAllowed, "context %s is READ_ONLY: the demo would write to it; choose another with --context", given.Context)
	case given.Prod:
		return problem.Errorf(problem.Refused, "context %s is PROD: the demo publishes poison and stays out of it; choose another with --context", given.Context)
	case given.Broker.Kind != config.PubSub:
		return problem.Errorf(problem.Invalid, "--engine %s needs --broker pubsub://PROJECT; with PUBSUB_EMULATOR_HOST set any project will do", engineCloud)
	case given.Store.Kind != config.Postgres:
		return problem.Errorf(problem.Invalid, "--engine %s needs --store postgres://USER@HOST/DB", engineCloud)
	}
	return nil
}

// settings makes the settings of a run: the plan that the directory holds, or a new one.
func (o *options) settings(dir string, given config.Settings) (settings, error) {
	p, err := o.plan(dir)
	if err != nil {
		return settings{}, err
	}
	s := settings{
		dir: dir, plan: p, patience: 30 * time.Second, environ: o.environ,
		actor: quarantine.Actor{Name: given.Author, Via: "cli", Claimed: true},
	}
	storeAt, err := config.ParseStore("", dir)
	if err != nil {
		return settings{}, err
	}
	if o.engine == engineCloud {
		s.patience = 3 * time.Minute // leases there are longer
		storeAt = given.Store
		s.openBroker = func(ctx context.Context) (broker, error) { return openPubSub(ctx, given.Broker.Address) }
	} else {
		s.openBroker = func(ctx context.Context) (broker, error) { return openEmbedded(ctx, dir, o.environ) }
	}
	s.openStore = func(ctx context.Context) (quarantine.Store, io.Closer, error) {
		if o.migrate {
			if err := migrateStore(ctx, storeAt); err != nil {
				return nil, nil, err
			}
		}
		return app.OpenStore(ctx, storeAt)
	}
	return s, nil
}

func (o *options) plan(dir string) (plan, error) {
	p, err := readPlan(dir)
	switch {
	case errors.Is(err, errNoPlan):
		p = newPlan(o.messages, o.engine, time.Now())
		if err := p.write(dir); err != nil {
			return p, problem.Errorf(problem.Unavailable, "write the demo's plan: %w: look at the disk of %s, then run theriac demo again", err, dir)
		}
		return p, nil
	case err != nil:
		return p, err
	case p.Engine != o.engine:
		return p, problem.Errorf(problem.Refused, "%s holds a demo on %s: go on with --engine %s, or choose another --data-dir", dir, p.Engine, p.Engine)
	case o.given["messages"] && p.Messages != o.messages:
		return p, problem.Errorf(problem.Refused, "%s holds a demo of %s messages: leave --messages out, or choose another --data-dir", dir, thousands(p.Messages))
	}
	return p, nil
}
