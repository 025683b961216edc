package demo

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
)

const (
	// publishersAtOnce is how many publishes wait for the broker at the same time.
	publishersAtOnce = 32
	publishPause     = 200 * time.Millisecond
	publishPatience  = 30 * time.Second
)

// publish publishes what nothing proves to be published, and returns when the broker has confirmed
// all of it.
func (d *demo) publish(ctx context.Context) error {
	to := map[string]publisher{}
	for _, sub := range subscriptionNames() {
		p, err := d.broker.publisher(ctx, sub)
		if err != nil {
			return err
		}
		to[sub] = p
	}
	var next atomic.Int64
	work := make([]func(context.Context) error, publishersAtOnce)
	for i := range work {
		work[i] = func(ctx context.Context) error {
			for ctx.Err() == nil {
				at := int(next.Add(1)) - 1
				if at >= len(d.messages) {
					return nil
				}
				if err := d.publishOne(ctx, to, d.messages[at]); err != nil {
					return err
				}
			}
			return ctx.Err()
		}
	}
	return runner.Run(ctx, work...)
}

// publishOne tries until the broker confirms. A try of unknown result is repeated: see [publisher].
func (d *demo) publishOne(ctx context.Context, to map[string]publisher, p planned) error {
	deadline := time.Now().Add(publishPatience)
	for d.ledger.needsPublishing(p.id) {
		_, err := to[p.subscription].Publish(ctx, p.message)
		if err == nil {
			return d.ledger.markPublished(p.id)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(deadline) {
			return problem.Errorf(problem.Unavailable, "cannot publish for %s: %w; when that is mended, run theriac demo again", publishPatience, err)
		}
		if err := pause(ctx, publishPause); err != nil {
			return err
		}
	}
	return nil
}

// pause waits for d and returns ctx's error if it ends before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
