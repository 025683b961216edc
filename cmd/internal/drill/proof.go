package drill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/internal/buildinfo"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
)

const (
	maxPanics = 20_000
	maxDeaths = 2_000
	// panicsAtOnce are published together, so that a replica has many in flight.
	panicsAtOnce = 50
	// beside is how many good messages, and how many that only panic, are in flight when a process dies.
	besideGood, besidePanics = 2, 2
	// childEvery: one message in so many makes a span of its own.
	childEvery = 5
	// quietFor is how long nothing may arrive before what is missing counts as lost.
	quietFor = 20 * time.Second
)

// proof are the flags of the drill that proves that evidence arrives.
type proof struct {
	options
	panics, deaths int
	latency        time.Duration
}

func newEvidenceCommand(t *cli.Tool, environ []string) *cobra.Command {
	o := &proof{options: options{environ: environ}}
	c := &cobra.Command{
		Use:   "evidence",
		Short: "Prove that evidence arrives: every failure and death told of once, every span ended",
		Long: `Let messages panic and processes die in every way that kills one, some in the millisecond after a
panic, with an error tracker and a collector of spans that are slow to answer. Then compare what
arrived there with what happened: each failure and each death must be one event that names its
message, and each span must be there under its own ids, and ended.

Exit code 0 says that nothing is missing and nothing came twice, 9 that something did.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			o.note(c)
			return o.prove(c.Context(), t)
		},
	}
	o.addCommon(c)
	f := c.Flags()
	f.IntVar(&o.panics, "panics", 1000, "let `N` messages panic, beside those that a process dies with")
	f.IntVar(&o.deaths, "deaths", 200, "let at least `N` processes die; each way is tried at least once")
	f.DurationVar(&o.latency, "latency", 50*time.Millisecond, "`TIME` that error tracker and collector take for each answer")
	f.StringSliceVar(&o.ways, "ways", nil, "`NAMES` of ways of dying that end a process, with commas between (default all)")
	return c
}

// prove runs the drill.
func (o *proof) prove(ctx context.Context, t *cli.Tool) error {
	kinds, err := o.kinds()
	if err != nil {
		return err
	}
	return o.onEngines(ctx, t, "drill evidence", func(d *drill, engine string) (finding, error) {
		r, err := o.on(ctx, d, engine, kinds)
		return finding{r.Problems, func() error { return o.showProof(t, r) }}, err
	})
}

// kinds are the ways that end a process, and the one that ends it right after a panic.
func (o *proof) kinds() ([]replica.Way, error) {
	if err := errors.Join(between("--panics", []int{o.panics}, 0, maxPanics), between("--deaths", []int{o.deaths}, 1, maxDeaths)); err != nil {
		return nil, err
	}
	if o.latency < 0 || o.latency > 5*time.Second {
		return nil, problem.Errorf(problem.Invalid, "--latency %s: want 0s to 5s", o.latency)
	}
	ways, err := chosenWays(o.ways)
	if err != nil {
		return nil, err
	}
	kinds := slices.DeleteFunc(slices.Clone(ways), func(w replica.Way) bool { return !w.Kills() })
	if len(kinds) == 0 {
		return nil, problem.Errorf(problem.Invalid, "--ways %s: none of them ends a process", strings.Join(o.ways, ","))
	}
	return append(kinds, replica.Way{Name: replica.KilledAfterPanic, Class: replica.Silent, Expected: replica.Held}), nil
}

func proofSpec() replica.Spec {
	spec := newSpec()
	spec.MaxFailures, spec.MemoryLimit, spec.BreakerOff = 1, memoryBound, true
	return spec
}

// on runs the drill on one engine.
func (o *proof) on(ctx context.Context, d *drill, engine string, kinds []replica.Way) (_ proofResult, err error) {
	began := time.Now()
	s, err := openSite(ctx, layout{
		engine: d.engines[engine], executable: d.executable, environ: d.environ, replicas: 1, spec: proofSpec(), latency: o.latency, traces: true,
	})
	if err != nil {
		return proofResult{}, err
	}
	w := witnessed{ways: map[string]replica.Way{}}
	if err = o.play(ctx, s, kinds, &w, d.timeout); err == nil {
		err = s.gather(ctx, &w)
	}
	if ctx.Err() != nil {
		return proofResult{}, errors.Join(ctx.Err(), s.close(), s.remove())
	}
	if err = errors.Join(err, s.close()); err != nil {
		return proofResult{}, errors.Join(fmt.Errorf("drill evidence: %w", err), s.remove())
	}
	r := w.judge()
	r.Drill, r.Engine, r.LatencyMS, r.Seed, r.Build, r.Host = "evidence", engine, o.latency.Milliseconds(), o.seed, buildinfo.Read().Version, thisHost()
	r.Started, r.WallMS = began.UTC().Truncate(time.Second), time.Since(began).Milliseconds()
	if d.keep && !r.Passed {
		r.KeptIn = s.dir
		return r, nil
	}
	return r, s.remove()
}

// play lets messages panic, and then processes die.
func (o *proof) play(ctx context.Context, s *site, kinds []replica.Way, w *witnessed, patience time.Duration) error {
	s.ledger.command(replica.Order{Work: time.Millisecond})
	s.ledger.release()
	if err := o.panic(ctx, s, w); err != nil {
		return err
	}
	if err := s.awaitAllOver(ctx, patience, w); err != nil {
		return err
	}
	for n := 0; n < len(kinds) || len(s.ledger.facts().crashes) < o.deaths; n++ {
		if n > 2*maxDeaths {
			return problem.Errorf(problem.BadAnswer, "after %d messages that end a process, %d have died", n, len(s.ledger.facts().crashes))
		}
		if err := o.kill(ctx, s, kinds[n%len(kinds)], n, w, patience); err != nil {
			return err
		}
	}
	return nil
}

// panic publishes the messages that panic, in every way that recover reaches.
func (o *proof) panic(ctx context.Context, s *site, w *witnessed) error {
	ways := slices.DeleteFunc(replica.Ways(), func(w replica.Way) bool { return w.Class != replica.Recovered })
	for from := 0; from < o.panics; from += panicsAtOnce {
		var payloads []replica.Payload
		for i := from; i < min(from+panicsAtOnce, o.panics); i++ {
			payloads = append(payloads, w.poison(fmt.Sprintf("panic-%d", i+1), ways[i%len(ways)], i%childEvery == 0))
		}
		if err := s.publishAll(ctx, payloads); err != nil {
			return err
		}
	}
	return nil
}

// kill publishes one message that ends processes, beside good ones and some that panic, and waits
// until all of that is over.
func (o *proof) kill(ctx context.Context, s *site, way replica.Way, n int, w *witnessed, patience time.Duration) error {
	key, before := fmt.Sprintf("poison-%d", n+1), len(s.ledger.facts().crashes)
	if way.Starter {
		if err := s.publishAll(ctx, []replica.Payload{w.good(key+"-starter", replica.Payload{Starts: true})}); err != nil {
			return err
		}
		if err := s.awaitCommits(ctx, patience, key+"-starter"); err != nil {
			return err
		}
	}
	s.ledger.hold()
	var payloads []replica.Payload
	var good []string
	for i := range besideGood {
		good = append(good, fmt.Sprintf("%s-good-%d", key, i+1))
		payloads = append(payloads, w.good(good[i], replica.Payload{Reads: way.Company, Child: n%childEvery == 0}))
	}
	if err := s.publishAll(ctx, payloads); err != nil {
		return err
	}
	// The deadline of the good ones does not pass while they wait: processes die within it.
	err := s.ledger.await(ctx, patience, func(f facts) bool { return len(f.waiting()) >= besideGood })
	if err != nil {
		return fmt.Errorf("put good messages in flight beside %s: %w", way.Name, err)
	}
	payloads = []replica.Payload{w.poison(key, way, n%childEvery == 0)}
	for i := range besidePanics {
		panics, _ := replica.Find("panic")
		payloads = append(payloads, w.poison(fmt.Sprintf("%s-panic-%d", key, i+1), panics, false))
	}
	if err := s.publishAll(ctx, payloads); err != nil {
		return err
	}
	err = s.ledger.await(ctx, patience, func(f facts) bool { return len(f.crashes) > before })
	s.ledger.release()
	if err != nil {
		return fmt.Errorf("wait for a death by %s: %w", way.Name, err)
	}
	if err := s.awaitCommits(ctx, patience, good...); err != nil {
		return fmt.Errorf("good messages beside %s: %w", way.Name, err)
	}
	return s.awaitAllOver(ctx, patience, w)
}

func (s *site) publishAll(ctx context.Context, payloads []replica.Payload) error {
	var all []func(context.Context) error
	for _, p := range payloads {
		all = append(all, func(ctx context.Context) error { return s.publish(ctx, p) })
	}
	return runner.Run(ctx, all...)
}

func (s *site) awaitCommits(ctx context.Context, d time.Duration, keys ...string) error {
	return s.ledger.await(ctx, d, func(f facts) bool {
		return !slices.ContainsFunc(keys, func(key string) bool { return f.commits[key] == 0 })
	})
}

// awaitAllOver waits until every message that fails is held, or done where its way lets it.
func (s *site) awaitAllOver(ctx context.Context, d time.Duration, w *witnessed) error {
	ctx, cancel := context.WithTimeoutCause(ctx, d, errLate)
	defer cancel()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		missing, err := s.notOver(ctx, w)
		if err == nil && len(missing) == 0 {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("%d messages are neither held nor done, such as %s: %w", len(missing), strings.Join(missing[:min(len(missing), 3)], ", "), context.Cause(ctx))
		}
	}
}

// notOver returns the messages that have not come to their end. What was over before is not asked for
// again.
func (s *site) notOver(ctx context.Context, w *witnessed) (missing []string, err error) {
	page, err := s.service.EntryList(ctx, quarantine.Query{Subscription: replica.Subscription, Limit: 1000})
	if err != nil {
		return nil, err
	}
	for _, e := range page.Entries {
		w.over(e.Message.Attributes[keyAttribute], e)
	}
	f := s.ledger.facts()
	for key, way := range w.ways {
		if _, held := w.entries[key]; !held && (way.Expected != replica.Unattributed || f.commits[key] == 0) {
			missing = append(missing, key)
		}
	}
	slices.Sort(missing)
	return missing, nil
}

// gather waits until all evidence is there, or none came for a while, and takes it.
func (s *site) gather(ctx context.Context, w *witnessed) error {
	look := time.NewTicker(10 * lookEvery)
	defer look.Stop()
	last, since := -1, time.Now()
	for {
		if err := s.take(w); err != nil {
			return err
		}
		if w.complete() {
			return nil
		}
		if arrived := len(w.events) + len(w.spans); arrived != last {
			last, since = arrived, time.Now()
		}
		if time.Since(since) > quietFor {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take notes what is known now.
func (s *site) take(w *witnessed) error {
	deaths, err := countDeaths(s.replicaDirs())
	if err != nil {
		return err
	}
	w.deaths = deaths[replica.RoleWorker] + deaths[replica.RoleWard]
	w.facts, w.ids = s.ledger.facts(), s.ids()
	w.events, w.eventsTwice, w.refused = s.tracker.Events(), s.tracker.Duplicates(), len(s.tracker.Refusals())
	w.spans, w.spansTwice = s.collector.Spans(), s.collector.Duplicates()
	w.refused += len(s.collector.Refusals())
	return nil
}
