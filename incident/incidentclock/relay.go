package incidentclock

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/runner"
)

// Publisher hands one message to the broker and returns when the broker has it. It is called by
// several goroutines at once.
type Publisher interface {
	Publish(ctx context.Context, o incident.Outgoing) error
}

// RelayConfig says how a relay runs. Zero fields but the first two get defaults.
type RelayConfig struct {
	Outbox    incident.Outbox
	Publisher Publisher
	// Batch is how many are leased at once, default 100, and published at once, since each is a wait for
	// the broker's disk.
	Batch int
	// Patience is how long the relay waits at most before it looks again. Default 200 ms.
	Patience time.Duration
	// Timeout bounds one publishing. Default 5 s.
	Timeout time.Duration
	// Logger hears of failures, once when they begin and once when they are over. Default: nobody.
	Logger *slog.Logger
}

// Relay publishes what was stored. Make one with NewRelay and call Run once.
type Relay struct {
	RelayConfig
	troubled bool
	pause    time.Duration
}

// NewRelay returns a relay that does nothing before Run; what cfg leaves out gets its default.
func NewRelay(cfg RelayConfig) *Relay {
	cfg.Batch = orDefault(cfg.Batch, 100)
	cfg.Patience = orDefault(cfg.Patience, 200*time.Millisecond)
	cfg.Timeout = orDefault(cfg.Timeout, 5*time.Second)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Relay{RelayConfig: cfg}
}

// orDefault returns v, or d where v is none.
func orDefault[T ~int | ~int64](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}

// Run publishes until ctx ends, and returns nil. Neither a store nor a broker that is away ends it.
func (r *Relay) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if more := r.round(ctx); more {
			continue
		}
		if r.pause > 0 {
			rest(ctx, r.pause)
			continue
		}
		if err := r.Outbox.Wake(ctx, r.Patience); err != nil {
			r.trouble(ctx, fmt.Errorf("wait for the store: %w", err))
		}
	}
	return nil
}

// round publishes one batch and reports whether there is more to do at once.
func (r *Relay) round(ctx context.Context) (more bool) {
	batch, err := r.Outbox.Unpublished(ctx, r.Batch)
	if err != nil {
		r.trouble(ctx, fmt.Errorf("read what is unpublished: %w", err))
		return false
	}
	if len(batch) == 0 {
		r.well(ctx)
		return false
	}
	sent, err := r.publish(ctx, batch)
	if len(sent) > 0 {
		// What is with the broker is marked although the process is told to end: it would be sent twice.
		marking, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.Timeout)
		markErr := r.Outbox.MarkPublished(marking, sent...)
		cancel()
		if err == nil && markErr != nil {
			err = fmt.Errorf("mark what is published: %w", markErr)
		}
	}
	if err != nil {
		r.trouble(ctx, err)
		return false
	}
	r.well(ctx)
	return len(batch) == r.Batch
}

// publish sends a batch side by side and returns the ids that the broker has, and the first error of
// the rest, which stay leased and come again.
func (r *Relay) publish(ctx context.Context, batch []incident.Outgoing) (sent []string, first error) {
	var mu sync.Mutex
	var group runner.Group
	for _, o := range batch {
		group.Go(func() {
			sending, cancel := context.WithTimeout(ctx, r.Timeout)
			defer cancel()
			err := r.Publisher.Publish(sending, o)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				sent = append(sent, o.ID)
			case first == nil:
				first = fmt.Errorf("publish %s to %s: %w", o.ID, o.Topic, err)
			}
		})
	}
	group.Wait()
	return sent, first
}

// trouble notes a failure and makes the relay wait longer, up to 5 s.
func (r *Relay) trouble(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	r.pause = min(max(2*r.pause, 100*time.Millisecond), 5*time.Second)
	if !r.troubled {
		r.troubled = true
		r.Logger.ErrorContext(ctx, "the relay cannot publish; what was stored waits", "err", err)
	}
}

func (r *Relay) well(ctx context.Context) {
	r.pause = 0
	if r.troubled {
		r.troubled = false
		r.Logger.InfoContext(ctx, "the relay publishes again")
	}
}

// rest waits, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
