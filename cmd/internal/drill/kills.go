package drill

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
)

const (
	maxKills = 100_000
	// killWithin is how long after a worker serves it is killed at the latest.
	killWithin = 250 * time.Millisecond
	// loadWork is how long the handler of each message works.
	loadWork = 20 * time.Millisecond
)

// kills are the flags of the drill that kills a loaded worker at random moments.
type kills struct {
	options
	kills, load, replicas int
}

func newKillsCommand(t *cli.Tool, environ []string) *cobra.Command {
	o := &kills{options: options{environ: environ}}
	c := newCampaignCommand(t, &o.options, "kills", "Kill a loaded worker at random moments: nothing lost, nobody convicted",
		`Keep messages in flight all the time, and send SIGKILL to a worker at a random moment after it began to
serve, again and again. Nothing may be lost, and nobody convicted. It stops by itself.`,
		func() campaign {
			return campaign{name: "kills", replicas: o.replicas, spec: newSpec(), play: o.play, judge: func(r campaignResult) []string {
				if r.Kills != o.kills || r.WorkerDeaths < r.Kills {
					return []string{fmt.Sprintf("%d of %d kills, and %d workers died", r.Kills, o.kills, r.WorkerDeaths)}
				}
				return nil
			}}
		})
	f := c.Flags()
	f.IntVar(&o.kills, "kills", 100, "kill `N` times")
	f.IntVar(&o.load, "in-flight", 50, "keep `N` messages in flight")
	f.IntVar(&o.replicas, "replicas", 1, "`N` replicas")
	return c
}

func (o *kills) play(ctx context.Context, s *site, n *notes) error {
	if err := errors.Join(between("--kills", []int{o.kills}, 1, maxKills), between("--in-flight", []int{o.load}, 1, maxInFlight)); err != nil {
		return err
	}
	s.ledger.command(replica.Order{Work: loadWork})
	s.ledger.release()
	loading, stop := context.WithCancel(ctx)
	defer stop()
	err := runner.Run(ctx,
		func(context.Context) error { return o.publish(loading, s) },
		func(ctx context.Context) error {
			defer stop()
			return o.kill(ctx, s, n)
		})
	return err
}

// publish keeps messages in flight until ctx ends.
func (o *kills) publish(ctx context.Context, s *site) error {
	for i := 0; ctx.Err() == nil; i++ {
		err := s.ledger.await(ctx, s.patience(), func(f facts) bool { return i-len(f.commits) < o.load })
		if err == nil {
			err = s.publish(ctx, replica.Payload{Key: fmt.Sprintf("good-%d", i+1)})
		}
		switch {
		case err != nil && ctx.Err() != nil:
			return nil
		case errors.Is(err, errLate):
			return problem.Errorf(problem.BadAnswer, "no message was done for %s", s.patience())
		case err != nil:
			return err
		}
	}
	return nil
}

// kill kills a worker, waits for the next, and so on.
func (o *kills) kill(ctx context.Context, s *site, n *notes) error {
	moments := rand.New(rand.NewPCG(o.seed, 1))
	for range o.kills {
		number := 1 + moments.IntN(o.replicas)
		pause := time.NewTimer(time.Duration(moments.Int64N(int64(killWithin))))
		select {
		case <-pause.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		victim := s.ledger.worker(number)
		process, err := os.FindProcess(victim.PID)
		if err != nil {
			return err
		}
		killed := time.Now()
		if err := process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("kill the worker of replica %d: %w", number, err)
		}
		n.kills++
		err = s.ledger.await(ctx, s.patience(), func(f facts) bool {
			next, _ := f.latest(number, replica.RoleWorker)
			return next.Incarnation != victim.Incarnation
		})
		if errors.Is(err, errLate) {
			return problem.Errorf(problem.BadAnswer, "replica %d did not come back within %s after kill %d", number, s.patience(), n.kills)
		}
		if err != nil {
			return err
		}
		n.restarts = append(n.restarts, time.Since(killed).Milliseconds())
	}
	return nil
}

// patience is how long a service may take to do anything at all.
func (s *site) patience() time.Duration { return startPatience }
