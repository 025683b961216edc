package drill

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac/theriac/cmd/internal/cli"
	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/internal/problem"
)

// trouble are the flags of a drill in which every message fails for a while.
type trouble struct {
	options
	messages int
	lasts    time.Duration
	replicas int
}

func (o *trouble) add(c *cobra.Command, replicas int) *cobra.Command {
	f := c.Flags()
	f.IntVar(&o.messages, "messages", 60, "publish `N` messages while it lasts")
	f.DurationVar(&o.lasts, "lasts", 5*time.Second, "`TIME` until the trouble is over")
	f.IntVar(&o.replicas, "replicas", replicas, "`N` replicas")
	return c
}

func newDeployCommand(t *cli.Tool, environ []string) *cobra.Command {
	o := &trouble{options: options{environ: environ}}
	c := newCampaignCommand(t, &o.options, "deploy", "Let a bad deploy kill the worker with every message, and roll it back",
		`Every message kills its worker in a goroutine of its own, as after a deploy that is broken for all
of them. After a while the handler is mended, as by a roll-back. Then no message may be in quarantine
and each must be done, and a breaker must have said why it opened.`,
		func() campaign {
			return o.campaign("deploy", replica.Order{Way: "child-panic"}, func(r campaignResult) (problems []string) {
				if r.WorkerDeaths == 0 {
					problems = append(problems, "nothing died: the drill was none")
				}
				return append(problems, r.needsReason()...)
			})
		})
	return o.add(c, 1)
}

func newOutageCommand(t *cli.Tool, environ []string) *cobra.Command {
	o := &trouble{options: options{environ: environ}}
	c := newCampaignCommand(t, &o.options, "outage", "Let every message fail for a while, as when a downstream is away",
		`The handler of every message returns an error, as when a service that all of them need is away. After
a while it is back. Then no message may be in quarantine and each must be done, and a breaker must
have said why it opened.`,
		func() campaign {
			return o.campaign("outage", replica.Order{Fail: "the downstream is away"}, func(r campaignResult) (problems []string) {
				if r.WorkerDeaths > 0 {
					problems = append(problems, fmt.Sprintf("%d workers died of errors", r.WorkerDeaths))
				}
				return append(problems, r.needsReason()...)
			})
		})
	return o.add(c, 1)
}

func (r campaignResult) needsReason() []string {
	if r.BreakerOpened > 0 && len(r.Reasons) > 0 {
		return nil
	}
	return []string{"no breaker opened and said why"}
}

func (o *trouble) campaign(name string, bad replica.Order, judge func(campaignResult) []string) campaign {
	spec := newSpec()
	// A message must not have failed for the last time before the breaker can know that others fail
	// too: these are in the proportion of the defaults.
	spec.MaxFailures, spec.Backoff = 5, 250*time.Millisecond
	return campaign{name: name, replicas: o.replicas, spec: spec, judge: judge, play: func(ctx context.Context, s *site, n *notes) error {
		if err := between("--messages", []int{o.messages}, 10, 10_000); err != nil {
			return err
		}
		if o.lasts < time.Second || o.lasts > 10*time.Minute {
			return problem.Errorf(problem.Invalid, "--lasts %s: want 1s to 10m", o.lasts)
		}
		s.ledger.command(bad)
		s.ledger.release()
		over := time.NewTimer(o.lasts)
		defer over.Stop()
		pace := time.NewTicker(o.lasts / time.Duration(2*o.messages))
		defer pace.Stop()
		for i := range o.messages {
			if err := s.publish(ctx, replica.Payload{Key: fmt.Sprintf("good-%d", i+1)}); err != nil {
				return err
			}
			select {
			case <-pace.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		select {
		case <-over.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		entries, err := s.entries(ctx)
		n.heldMeanwhile = len(entries)
		s.ledger.command(replica.Order{Work: goodWork})
		return err
	}}
}
