package incidents

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/internal/problem"
)

// options are the flags.
type options struct {
	environ      []string
	engine       string
	executable   string
	lasts        time.Duration
	timeout      time.Duration
	rate         int
	chains       int
	killedChains int
	incidents    int
	atOnce       int
	nudges       int
	rounds       int
	seed         uint64
	json, keep   bool
}

// parts are what the drill can do.
func parts() []string { return []string{"latency", "lives", "isolation"} }

// NewCommand returns `theriac drill incidents`.
func NewCommand(t *cli.Tool, environ []string) *cobra.Command {
	o := &options{environ: environ}
	c := &cobra.Command{
		Use:   "incidents [PART...]",
		Short: "Drive the incident service: how long it takes, and that everything happens once",
		Long: `Start the incident service with its real processes, against a Slack and a pager of the drill's own, and
count what the world outside saw.

  latency     declares, and waits for channel, headline, invitation and page; again with every worker
              killed after each declaration
  lives       drives incidents through random lives, kills workers, clock and web at random moments,
              sends requests and alerts twice, and compares everything that happened with what should have
  isolation   declares and pages while the non-critical worker crashes again and again, or non-critical
              work is shed, and reminders wait, and as many times without, and compares

Everything is thrown away afterwards. Exit code 0 says that all was as it should be, 9 that it was not.`,
		Example: `theriac drill incidents
theriac drill incidents latency --for 30s --rate 50
theriac drill incidents lives --incidents 10000 --json
theriac drill incidents latency --engine postgres`,
		ValidArgs: parts(), Args: onlyParts,
		RunE: func(c *cobra.Command, args []string) error { return o.run(c.Context(), t, args) },
	}
	f := c.Flags()
	f.StringVar(&o.engine, "engine", embedded, "`STORE`: embedded or postgres, which is a server of the drill's own")
	f.DurationVar(&o.lasts, "for", 10*time.Second, "latency: declare for `TIME`")
	f.IntVar(&o.rate, "rate", 50, "latency: declare `N` a second")
	f.IntVar(&o.chains, "follow", 50, "latency: follow `N` incidents to their channel")
	f.IntVar(&o.killedChains, "follow-killed", 10, "latency: and `N` with every worker killed")
	f.IntVar(&o.incidents, "incidents", 200, "lives: `N` incidents")
	f.IntVar(&o.atOnce, "at-once", 8, "lives: `N` of them at the same time")
	f.IntVar(&o.nudges, "nudges", 10_000, "isolation: let `N` reminders wait")
	f.IntVar(&o.rounds, "rounds", 5, "isolation: `N` rounds of each")
	f.DurationVar(&o.timeout, "timeout", 10*time.Minute, "`TIME` to come to rest")
	f.Uint64Var(&o.seed, "seed", 0, "`SEED` of what looks random (default a new one)")
	f.BoolVar(&o.json, "json", false, "print JSON objects, one a line")
	f.BoolVar(&o.keep, "keep", false, "keep the directory of what failed")
	return c
}

func onlyParts(c *cobra.Command, args []string) error {
	for _, a := range args {
		if !slices.Contains(parts(), a) {
			return problem.Errorf(problem.Invalid, "unexpected %q, want any of %s; see: %s --help", a, strings.Join(parts(), ", "), c.CommandPath())
		}
	}
	return nil
}

// result is what a part came to.
type result interface {
	problems() []string
	show(t *cli.Tool)
}

func (o *options) run(ctx context.Context, t *cli.Tool, args []string) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	if o.executable, err = os.Executable(); err != nil {
		return problem.Errorf(problem.Unavailable, "find this program, to run the service: %w", err)
	}
	engine, err := openEngine(ctx, o.engine)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.close()) }()
	run := map[string]func(context.Context, databases) (result, error){
		"latency":   func(ctx context.Context, e databases) (result, error) { return o.latency(ctx, e) },
		"lives":     func(ctx context.Context, e databases) (result, error) { return o.lives(ctx, e) },
		"isolation": func(ctx context.Context, e databases) (result, error) { return o.isolation(ctx, e) },
	}
	if len(args) == 0 {
		args = parts()
	}
	var failed error
	for _, part := range args {
		r, err := run[part](ctx, engine)
		if ctx.Err() != nil {
			return problem.Errorf(problem.Interrupted, "stopped before drill incidents %s had ended", part)
		}
		if err != nil {
			return fmt.Errorf("drill incidents %s: %w", part, err)
		}
		if err := o.tell(t, r); err != nil {
			return err
		}
		if wrong := r.problems(); len(wrong) > 0 && failed == nil {
			failed = problem.Errorf(problem.BadAnswer, "drill incidents %s failed: %s", part, wrong[0])
		}
	}
	return failed
}

// check refuses numbers that make no sense.
func (o *options) check() error {
	if o.seed == 0 {
		o.seed = rand.Uint64() >> 11 // a number that JSON readers keep
	}
	if o.lasts < time.Second || o.lasts > time.Hour || o.timeout < time.Second || o.timeout > 10*time.Hour {
		return problem.Errorf(problem.Invalid, "--for and --timeout: want 1s to 1h, and to 10h")
	}
	for _, n := range []struct {
		flag      string
		got, most int
	}{
		{"--rate", o.rate, 200}, {"--follow", o.chains, 1000}, {"--follow-killed", o.killedChains, 1000}, {"--incidents", o.incidents, 100_000},
		{"--at-once", o.atOnce, 64}, {"--nudges", o.nudges, 100_000}, {"--rounds", o.rounds, 100},
	} {
		if n.got < 1 || n.got > n.most {
			return problem.Errorf(problem.Invalid, "%s %d: want 1 to %d", n.flag, n.got, n.most)
		}
	}
	return nil
}
