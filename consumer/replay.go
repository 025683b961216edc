package consumer

import (
	"context"
	"errors"
	"time"

	"github.com/theriac/theriac/handlers"
)

// replayPause is the wait after the quarantine could not hand out or take back
// a replay.
const replayPause = time.Second

// replays runs held entries that people asked to run again, one at a time,
// through the same stages as deliveries, until ctx ends.
func (c *Consumer) replays(ctx context.Context) {
	for ctx.Err() == nil {
		r, err := c.cfg.Quarantine.NextReplay(ctx, c.sub.Name)
		if err != nil {
			if ctx.Err() == nil {
				c.log.Warn("cannot look for replays", "error", err)
				pause(ctx, replayPause)
			}
			continue
		}
		j := &job{
			consumer: c,
			replay:   &r,
			settled:  make(chan struct{}),
		}
		j.alone().wanted = r.Alone
		c.live.add()
		c.group.Go(func() { c.finish(j, c.process(j)) })
		<-j.settled
	}
}

// finishReplay tells the quarantine how a replay ended, for as long as it
// takes within the settle budget.
func (c *Consumer) finishReplay(j *job, r run) {
	d := Decision{Verb: VerbRetry}
	if r.attempt.Outcome == handlers.OutcomeOK {
		d.Verb = VerbAck
	}
	defer c.observe(r, j, d, j.replay.Ref)
	c.reportReplay(j, r.attempt)
	if l := j.lone; l != nil && l.suspected {
		c.settleSuspect(j, handlers.FateHeld) // the report of its death called it suspect; the entry says it all
	}
}

// giveBackReplay returns a replay that was not run.
func (c *Consumer) giveBackReplay(j *job) {
	now := time.Now()
	c.reportReplay(j, handlers.Attempt{
		Started: now, Ended: now, Outcome: handlers.OutcomeInterrupted,
		Handler: c.sub.HandlerName, Worker: c.cfg.Worker, Host: c.cfg.Host, Build: c.cfg.Build, Replay: true,
	})
}

func (c *Consumer) reportReplay(j *job, rec handlers.Attempt) {
	ctx, cancel := c.settleContext()
	defer cancel()
	if err := c.cfg.Quarantine.FinishReplay(ctx, c.sub.Name, *j.replay, rec); err != nil {
		// The claim ends with this process, and whoever proves it dead holds the
		// entry again: nothing is lost, but a person should know.
		c.log.Error("the result of a replay was not taken", "entry", j.replay.Ref, "outcome", rec.Outcome, "error", err)
	}
}

func pause(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeoutCause(ctx, d, errors.New("pause is over"))
	defer cancel()
	<-ctx.Done()
}
