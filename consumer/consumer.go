package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
)

// ErrRunning is returned when Run is called a second time.
var ErrRunning = errors.New("consumer: Run may be called once")

// Consumer receives the messages of one subscription, runs its handler on each
// and settles them. Make one with [New], then call [Consumer.Run] once.
type Consumer struct {
	source Source
	sub    Subscription
	cfg    Config
	log    *slog.Logger
	able   Abilities    // of the source
	ender  AttemptEnder // what else cfg.Observer is, or nil
	spans  SpanNamer
	// namedWithin is after how long it is known what a dead machine was running, 0 for never.
	namedWithin time.Duration

	slots     *slots
	running   []place          // by slot
	flights   *inflight.Region // nil without a table
	flags     inflight.Flags   // of everything that runs here
	labelling *labelling       // nil: as runtime/pprof does it
	tokens    bool             // deliveries tell how another process can settle them
	suspects  *suspects
	watchdog  *watchdog
	breaker   *breaker
	early     *handedBack
	valve     *valve

	started atomic.Bool
	base    context.Context // values of Run's context; never ends
	warding context.Context // of runs in wards: it ends when the drain is over
	stop    <-chan struct{} // closed when Run's context ends
	group   runner.Group    // goroutines beside the source's

	live      population    // messages in this process, unsettled
	halting   atomic.Bool   // somebody waits on idle
	idle      chan struct{} // told when live fell to 0 while halting
	abandoned atomic.Int64  // handlers that were given up and still run

	recognised atomic.Uint64 // deliveries that were acknowledged on sight
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
	c := &Consumer{source: source, sub: sub, log: log, able: source.Abilities()}
	if mourner, ok := cfg.Quarantine.(Mourner); ok {
		c.namedWithin = mourner.NamesTheDeadWithin()
	}
	keeper, _ := cfg.Quarantine.(BreakerKeeper)
	if cfg.Quarantine != nil {
		cfg.Quarantine = &guarded{cfg.Quarantine, log}
	}
	c.cfg = cfg
	c.ender, _ = cfg.Observer.(AttemptEnder)
	c.spans, _ = cfg.Observer.(SpanNamer)
	c.slots = newSlots(cfg.MaxRunning)
	c.running = make([]place, c.slots.size())
	if table := tableOf(cfg.Guard); table != nil {
		region, err := table.SubscribeHandler(sub.Name, sub.HandlerName, c.slots.size())
		if err != nil {
			return nil, fmt.Errorf("consumer %q: %w", sub.Name, err)
		}
		c.flights = region
	}
	_, c.tokens = source.(Adopter)
	c.watchdog = newWatchdog(c)
	c.breaker = newBreaker(sub.Policy, c.slots.size(), log)
	if keeper != nil {
		c.breaker.changes = func(b handlers.Breaker) { keeper.BreakerChanged(sub.Name, b) }
	}
	c.early = newHandedBack()
	c.valve = new(valve)
	c.suspects = newSuspects()
	c.idle = make(chan struct{}, 1)
	cfg.Roster.join(c)
	return c, nil
}

// tableOf returns the guard's table, nil without one.
func tableOf(g Guard) *inflight.Mapping {
	if g == nil {
		return nil
	}
	return g.InFlight()
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
	c.base, c.stop = unlabelled(context.WithoutCancel(ctx)), fetch.Done()
	c.labelling = ownLabels(ctx)

	watch, stopWatch := context.WithCancel(c.base)
	warding, stopWarding := context.WithCancel(c.base)
	defer stopWarding()
	c.warding = warding
	var watchers, replays, orders runner.Group
	watchers.Go(func() { c.watchdog.run(watch) })
	watchers.Go(func() { c.sampleSuccesses(watch) })
	watchers.Go(func() { c.checkLease(watch) })
	watchers.Go(func() { c.drain(fetch, watch, stopWarding) })
	c.inherit(fetch)
	if c.cfg.Quarantine != nil {
		replays.Go(func() { c.replays(fetch) })
		orders.Go(func() { c.followControls(fetch) })
	} else {
		c.valve.set(handlers.FlowRunning)
	}

	err := c.receive(fetch, stopFetch)
	replays.Wait()
	orders.Wait()
	c.awaitIdle()
	if c.abandoned.Load() == 0 {
		c.group.Wait()
	}
	stopWatch()
	watchers.Wait()
	if err != nil {
		return fmt.Errorf("subscription %q: %w", c.sub.Name, err)
	}
	return nil
}

// receive runs the source, again after each pause, until it ends or fetch does.
func (c *Consumer) receive(fetch context.Context, stopFetch func()) error {
	for {
		p := c.valve.open(fetch)
		if p == nil {
			c.awaitIdle()
			return nil
		}
		if paused, err := c.receiveOnce(fetch, p); !paused {
			stopFetch()
			return err
		}
	}
}

// receiveOnce runs the source until it ends, as it does at a pause, or, once fetch
// has ended and every message is settled, until only handlers that were given up
// hold it: they sit on the source's goroutines and may never leave them. A pause
// is waited for: what is in flight ends by itself.
func (c *Consumer) receiveOnce(fetch context.Context, p *pull) (paused bool, err error) {
	defer p.stop()
	received := make(chan error, 1)
	var source runner.Group
	source.Go(func() {
		received <- runner.Run(c.base, func(context.Context) error {
			return c.source.Receive(p.ctx, c.limits(), c.deliver)
		})
	})
	select {
	case err := <-received:
		if paused = p.ctx.Err() != nil && fetch.Err() == nil; paused && err != nil {
			// Whatever will not mend shows when it is called again.
			c.log.Warn("the source did not pause well", "error", err)
		}
		return paused, err
	case <-fetch.Done():
	}
	c.awaitIdle()
	if c.abandoned.Load() > 0 {
		c.log.Warn("handlers that ignore their contexts still run; not waiting for them", "handlers", c.abandoned.Load())
		return false, nil
	}
	return false, <-received
}

// awaitIdle waits until every message in this process is settled.
func (c *Consumer) awaitIdle() {
	c.halting.Store(true)
	for live, _ := c.live.read(); live > 0; live, _ = c.live.read() {
		<-c.idle
	}
}

// leave is called when a message is settled.
func (c *Consumer) leave() {
	if c.live.leave() == 0 && c.halting.Load() {
		select {
		case c.idle <- struct{}{}:
		default:
		}
	}
}

func (c *Consumer) limits() Limits {
	return Limits{
		MaxOutstanding:      c.cfg.MaxOutstanding,
		MaxOutstandingBytes: c.cfg.MaxOutstandingBytes,
		DrainTimeout:        max(c.cfg.DrainTimeout, c.sub.Policy.Timeout) + c.sub.Policy.Grace + c.cfg.SettleTimeout, // a pause cuts no handler short
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
func (c *Consumer) drain(fetch, watch context.Context, stopWarding func()) {
	<-fetch.Done()
	c.watchdog.haltAt(time.Now().Add(c.cfg.DrainTimeout))
	pause(watch, c.cfg.DrainTimeout)
	stopWarding()
}

// sampleSuccesses feeds the breaker's look back, once a second.
func (c *Consumer) sampleSuccesses(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	// What an earlier process held while everything killed it runs again once
	// something succeeds here.
	owed := c.cfg.Guard != nil
	for {
		select {
		case <-tick.C:
			if n := c.breaker.stats.sample(); owed && n > 0 && !c.breaker.isOpen() {
				owed = false
				c.reprieve(ctx, time.Time{})
			}
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
