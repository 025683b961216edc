package demo

import (
	"context"
	"errors"
	"time"

	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/quarantine"
)

const (
	replayTries    = 5
	replayPatience = 20 * time.Second
	replayPoll     = 20 * time.Millisecond
)

// replayMended deploys the fix for one way to fail and replays what it mends. It goes on where an
// earlier run was killed, and does nothing where a person has decided meanwhile.
func (d *demo) replayMended(ctx context.Context) error {
	if err := d.ledger.markFixed(); err != nil {
		return err
	}
	d.workflow.fixed.Store(true)
	ctx, cancel := context.WithTimeout(ctx, replayPatience)
	defer cancel()
	for range replayTries {
		e, err := d.mendedEntry(ctx)
		if err != nil || e.State == quarantine.StateReplayed || e.State == quarantine.StateDiscarded {
			return err
		}
		if err := d.replayOnce(ctx, e); err != nil {
			return err
		}
	}
	return problem.Errorf(problem.BadAnswer, "the entry whose handler was mended did not succeed in %d replays; look: theriac ls", replayTries)
}

// mendedEntry is the entry that the fix is for.
func (d *demo) mendedEntry(ctx context.Context) (quarantine.Entry, error) {
	entries, err := d.entries(ctx)
	if err != nil {
		return quarantine.Entry{}, err
	}
	var mended []quarantine.Entry
	for _, p := range d.messages {
		for _, e := range entries {
			if p.way != nil && p.way.mended && e.Message.Attributes[idAttribute] == p.id {
				mended = append(mended, e)
			}
		}
	}
	if len(mended) == 0 {
		return quarantine.Entry{}, problem.Errorf(problem.BadAnswer, "the message whose handler was mended is not held: nothing to replay")
	}
	return furthest(mended), nil
}

// replayOnce asks for a replay, unless one is under way, and waits for its end. That somebody else
// acted first, or that the worker is not registered yet, is no error: the caller looks again.
func (d *demo) replayOnce(ctx context.Context, e quarantine.Entry) error {
	if e.State == quarantine.StateHeld {
		asked, err := d.service.EntryReplay(ctx, e, quarantine.ReplayParams{
			Decision: quarantine.Decision{Actor: d.actor, Reason: "the demo mended its handler"}, Force: true,
		})
		if errors.Is(err, quarantine.ErrNoWorker) || isConflict(err) {
			return pause(ctx, publishPause)
		}
		if err != nil {
			return err
		}
		e = asked
	}
	_, err := d.service.EntryReplayWait(ctx, e, replayPoll)
	if errors.Is(err, quarantine.ErrNoWorker) {
		return nil
	}
	return err
}

func isConflict(err error) bool {
	_, ok := errors.AsType[*quarantine.ConflictError](err)
	return ok
}
