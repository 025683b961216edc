package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/theriac/theriac/internal/runner"
)

// ErrRunning: Run was called while it runs, or a second time.
var ErrRunning = errors.New("consumer: Run may be called once")

// Consumer receives the messages of one subscription, runs its handler on each
// and settles them. Make one with [New], then call [Consumer.Run] once.
type Consumer struct {
	source Source
	sub    Subscription
	cfg    Config
	log    *slog.Logger

	slots    *slots
	running  []atomic.Pointer[attempt] // by slot
	serial   atomic.Uint64
	watchdog *watchdog
	breaker  *breaker
	early    *handedBack

	started atomic.Bool
	base    context.Context // values of Run's context; never ends
	stop    <-chan struct{} // closed when Run's context ends
	jobs    sync.WaitGroup  // messages in this process
	group   runner.Group    // goroutines beside the source's
}

// New wires a consumer. It starts nothing. The error joins every problem of sub
// and cfg.
func New(source Source, sub Subscription, cfg Config) (*Consumer, error) {
	if source == nil {
		return nil, errors.New("consumer: source is nil: pass gcppubsub.New, natsjs.New or another source")
	}
	sub, cfg = sub.WithDefaults(), cfg.WithDefaults()
	if err := errors.Join(sub.Validate(), cfg.Validate()); err != nil {
		return nil, fmt.Errorf("consumer %q: %w", sub.Name, err)
	}
	log := cfg.Logger.With("subscription", sub.Name)
	c := &Consumer{source: source, sub: sub, cfg: cfg, log: log}
	c.slots = newSlots(cfg.MaxRunning)
	c.running = make([]atomic.Pointer[attempt], c.slots.size())
	c.watchdog = newWatchdog(c)
	c.breaker = newBreaker(sub.Policy.Breaker, c.slots.size(), log)
	c.early = newHandedBack()
	return c, nil
}

// Run receives until ctx ends or the source fails for good. It stops in order:
// no more deliveries are taken; what was not begun is handed back; running
// handlers have DrainTimeout to end by themselves, then their contexts end, and
// after the policy's grace they are given up as interrupted, which is charged to
// nobody. Run returns when all of that is done: nil after ctx ended, else the
// source's error. A handler that never returns does not hold Run.
func (c *Consumer) Run(ctx context.Context) error {
	if !c.started.CompareAndSwap(false, true) {
		return ErrRunning
	}
	fetch, stopFetch := context.WithCancel(ctx)
	defer stopFetch()
	c.base, c.stop = context.WithoutCancel(ctx), fetch.Done()

	watch, stopWatch := context.WithCancel(c.base)
	var watchers sync.WaitGroup
	watchers.Go(func() { c.watchdog.run(watch) })
	watchers.Go(func() { c.sampleSuccesses(watch) })
	watchers.Go(func() { c.drain(fetch) })
	var replays sync.WaitGroup
	if c.cfg.Quarantine != nil {
		replays.Go(func() { c.replays(fetch) })
	}

	err := c.source.Receive(fetch, c.limits(), c.deliver)
	stopFetch()
	replays.Wait() // from here on no new job begins
	c.jobs.Wait()  // from here on nobody starts a goroutine
	c.group.Wait()
	stopWatch()
	watchers.Wait()
	if err != nil {
		return fmt.Errorf("subscription %q: %w", c.sub.Name, err)
	}
	return nil
}

func (c *Consumer) limits() Limits {
	return Limits{
		MaxOutstanding:      c.cfg.MaxOutstanding,
		MaxOutstandingBytes: c.cfg.MaxOutstandingBytes,
		DrainTimeout:        c.cfg.DrainTimeout + c.sub.Policy.Grace + c.cfg.SettleTimeout,
		Trouble:             c.trouble,
	}
}

func (c *Consumer) trouble(err error) {
	if err == nil {
		c.log.Info("broker is back")
		return
	}
	c.log.Warn("broker trouble; retrying, nobody is charged", "error", err)
}

// drain plans the end of running handlers once fetching has stopped.
func (c *Consumer) drain(fetch context.Context) {
	<-fetch.Done()
	c.watchdog.haltAt(time.Now().Add(c.cfg.DrainTimeout))
}

// sampleSuccesses feeds the breaker's look back, once a second.
func (c *Consumer) sampleSuccesses(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.breaker.stats.sample()
		case <-ctx.Done():
			return
		}
	}
}

// RunAll runs consumers together. When one fails the others are stopped; it
// returns when all have ended, with their errors joined.
func RunAll(ctx context.Context, consumers ...*Consumer) error {
	runs := make([]func(context.Context) error, len(consumers))
	for i, c := range consumers {
		runs[i] = c.Run
	}
	return runner.Run(ctx, runs...)
}
