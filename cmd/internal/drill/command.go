package drill

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/cmd/internal/drill/incidents"
	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/internal/problem"
)

// options are the flags of a drill.
type options struct {
	ways              []string
	inFlight, copies  []int
	engine            string
	runs              int
	seed              uint64
	timeout           time.Duration
	json, keep        bool
	allowProduction   bool
	environ           []string
	brokerGiven       bool
	storeGiven, quiet bool
}

// Commands returns the drill and the replica that it starts.
func Commands(environ []string) []func(*cli.Tool) *cobra.Command {
	return []func(*cli.Tool) *cobra.Command{
		func(t *cli.Tool) *cobra.Command { return newCommand(t, environ) },
		func(*cli.Tool) *cobra.Command { return replica.NewCommand() },
		func(*cli.Tool) *cobra.Command { return incidents.NewServeCommand(environ) },
	}
}

func newCommand(t *cli.Tool, environ []string) *cobra.Command {
	o := &options{environ: environ}
	c := &cobra.Command{
		Use:   "drill",
		Short: "Let a service die in every way a message can kill it, and count what it cost",
		Long: `Start a service of its own, with web traffic against it, put good messages in flight, and send one
that kills its process, for every way of dying × messages in flight × replicas. Each row says what
that cost: deaths of workers and of wards, failed web requests, whether the message was named and its
stack kept, innocent messages in quarantine, lost and doubled ones, and the time until it was held.

Everything is thrown away afterwards, and nothing but this machine is touched: the broker and the
store are the drill's own. With --engine pubsub they are a Pub/Sub server of the drill's own, or
PUBSUB_EMULATOR_HOST, or the project of --broker; and a private PostgreSQL, or a new database beside
that of --store.

Exit code 0 says that all rows ended as they should, 9 that one did not.

Ways of dying:
` + waysText(),
		Example: `theriac drill
theriac drill --ways child-panic,os-exit --in-flight 16 --replicas 1
theriac drill --json --engine all > drill.jsonl
theriac drill november                  replay the incident that this is for
theriac drill kills --kills 100         kill a loaded worker at random moments
theriac drill evidence                  every failure and every death must be told of, once
theriac drill incidents                 the incident service: how long it takes, everything once`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			o.note(c)
			return o.run(c.Context(), t)
		},
	}
	o.addCommon(c)
	f := c.Flags()
	f.StringSliceVar(&o.ways, "ways", nil, "`NAMES` of ways of dying, with commas between (default all)")
	f.IntSliceVar(&o.inFlight, "in-flight", []int{1, 16, 200}, "numbers `N,…` of good messages in flight")
	f.IntSliceVar(&o.copies, "replicas", []int{1, 3}, "numbers `N,…` of replicas")
	f.IntVar(&o.runs, "runs", 1, "try each row `N` times")
	c.AddCommand(newNovemberCommand(t, environ), newDeployCommand(t, environ), newOutageCommand(t, environ), newKillsCommand(t, environ), newEvidenceCommand(t, environ),
		incidents.NewCommand(t, environ))
	return c
}

// addCommon adds the flags that every drill has.
func (o *options) addCommon(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.engine, "engine", engineEmbedded, "`ENGINE`: embedded, pubsub, or all")
	f.Uint64Var(&o.seed, "seed", 0, "`SEED` of what looks random (default a new one)")
	f.DurationVar(&o.timeout, "timeout", 90*time.Second, "`TIME` that a row may take")
	f.BoolVar(&o.json, "json", false, "print JSON objects, one a line")
	f.BoolVar(&o.keep, "keep", false, "keep the directories of what failed")
	f.BoolVar(&o.allowProduction, "allow-production", false, "run in a context that is PROD too")
}

func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return problem.Errorf(problem.Invalid, "unexpected %q, want: %s [flags]; see: %s --help", args[0], c.CommandPath(), c.CommandPath())
	}
	return nil
}

// note takes what the flags of all commands say.
func (o *options) note(c *cobra.Command) {
	o.brokerGiven, o.storeGiven = c.Flags().Changed("broker"), c.Flags().Changed("store")
	o.quiet, _ = c.Flags().GetBool("quiet") // it is absent only in a test
	if o.seed == 0 {
		o.seed = rand.Uint64() >> 11 // a number that JSON readers keep
	}
}

func waysText() string {
	var b strings.Builder
	for _, w := range replica.Ways() {
		fmt.Fprintf(&b, "  %-17s %s\n", w.Name, w.Story)
	}
	return strings.TrimRight(b.String(), "\n")
}

func (o *options) run(ctx context.Context, t *cli.Tool) (err error) {
	rows, err := o.rows()
	if err != nil {
		return err
	}
	d, err := o.open(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	began := time.Now()
	show := o.shower(t)
	show.begin(len(rows))
	results, stopped := d.all(ctx, rows, show.row)
	s := summarise(results, len(rows))
	s.Seed, s.Host, s.Started, s.WallMS = o.seed, thisHost(), began.UTC().Truncate(time.Second), time.Since(began).Milliseconds()
	if err := show.end(s); err != nil {
		return err
	}
	if stopped == nil && len(s.Failures) > 0 {
		stopped = problem.Errorf(problem.BadAnswer, "%d of %d rows failed: %s", s.Failed, s.Rows, s.Failures[0])
	}
	return stopped
}

// finding is what a drill came to on one engine: what did not end as it should, and how people are
// shown all of it.
type finding struct {
	problems []string
	show     func() error
}

// onEngines runs a drill, by the name that its errors have, on each engine that is asked for. All of
// them are shown; the error is about the first that did not end as it should.
func (o *options) onEngines(ctx context.Context, t *cli.Tool, name string, on func(d *drill, engine string) (finding, error)) (err error) {
	d, err := o.open(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	engines, err := chosenEngines(o.engine)
	if err != nil {
		return err
	}
	var failed error
	for _, engine := range engines {
		found, err := on(d, engine)
		if ctx.Err() != nil {
			return problem.Errorf(problem.Interrupted, "stopped before %s had ended", name)
		}
		if err != nil {
			return err
		}
		if err := found.show(); err != nil {
			return err
		}
		if len(found.problems) > 0 && failed == nil {
			failed = problem.Errorf(problem.BadAnswer, "%s failed: %s", name, found.problems[0])
		}
	}
	return failed
}

// open checks where the drill is to run, and opens its engines.
func (o *options) open(ctx context.Context, t *cli.Tool) (*drill, error) {
	given, err := t.Settings()
	if err != nil {
		return nil, err
	}
	if given.Prod && !o.allowProduction {
		return nil, problem.Errorf(problem.Refused, "context %s is PROD, and a drill publishes poison: choose another with --context, or say --allow-production", given.Context)
	}
	if given.ReadOnly {
		return nil, problem.Errorf(problem.NotAllowed, "context %s is READ_ONLY: choose another with --context", given.Context)
	}
	if o.timeout < time.Second || o.timeout > time.Hour {
		return nil, problem.Errorf(problem.Invalid, "--timeout %s: want 1s to 1h", o.timeout)
	}
	executable, err := os.Executable()
	if err != nil {
		return nil, problem.Errorf(problem.Unavailable, "find this program, to run replicas: %w", err)
	}
	d := &drill{executable: executable, environ: o.environ, timeout: o.timeout, keep: o.keep}
	d.engines, err = o.openEngines(ctx, given)
	return d, err
}
