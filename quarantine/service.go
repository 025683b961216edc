package quarantine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
)

// Service is the room where poison goes: consumers give to it and ask it,
// operators look and decide through it. All methods are safe for concurrent
// use. New starts nothing; a worker calls Run.
type Service struct {
	cfg   Config
	store Store
	ours  func(string) bool
	log   *slog.Logger

	known    *known
	spool    *spool // nil without a SpoolDir
	holds    *combiner[NewEntry, string]
	attempts *combiner[AttemptRecord, handlers.Totals]
	fates    *combiner[SuspectFate, struct{}]
	begins   *combiner[handlers.Running, struct{}]
	away     breather

	ready     chan struct{}
	changed   chan struct{} // told when the store has news that should be read now
	readyOnce sync.Once
	members   membership
	snapshots snapshots
	bells     bells
	orders    orders
	reprieved tally // by subscription
	// replayedAt is when the last replay ended here, in Unix ns.
	replayedAt atomic.Int64
}

// New returns a service on store. It makes the spool's directory; everything
// else begins with Run. Its error joins every problem of cfg.
func New(store Store, cfg Config) (*Service, error) {
	if store == nil {
		return nil, fmt.Errorf("quarantine: a store is required: %w", ErrInvalid)
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.WithDefaults()
	s := &Service{
		cfg: cfg, store: store, log: cfg.Logger,
		ours:  oursIn(cfg.OurPackages),
		known: newKnown(cfg.KnownMax),
		ready: make(chan struct{}), changed: make(chan struct{}, 1),
	}
	s.away.lasts = cfg.PollEvery
	if cfg.SpoolDir != "" {
		var err error
		if s.spool, err = openSpool(cfg.SpoolDir, cfg.SpoolMaxBytes); err != nil {
			return nil, err
		}
	}
	s.holds = &combiner[NewEntry, string]{max: cfg.BatchMax, size: entrySize, flush: s.holdLadder().flush}
	s.attempts = &combiner[AttemptRecord, handlers.Totals]{max: cfg.BatchMax, size: attemptSize, flush: s.attemptLadder().flush}
	s.fates = &combiner[SuspectFate, struct{}]{max: cfg.BatchMax, size: fateSize, flush: s.fateLadder().flush}
	s.begins = &combiner[handlers.Running, struct{}]{max: maxInFlight, size: runningSize, flush: s.flushBegins}
	return s, nil
}

// Ready is closed when what the store knows has been loaded. A consumer must
// not pull before it, or it could run what was decided already.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run is the worker's side: it loads what is known, closes Ready, follows the
// store's changes, stores what was spooled and, with a Config.Worker, keeps its
// registration alive and finds dead workers. It survives a store that goes
// away. It returns nil after ctx ended, having left the registry with a
// tombstone, and an error wrapping [ErrSchema] if the store does not fit this
// program. End the consumers before it: what they have not finished by then goes
// back to be run elsewhere. Run must not be called twice at the same time.
func (s *Service) Run(ctx context.Context) error {
	parts := []func(context.Context) error{s.follow}
	if s.spool != nil {
		parts = append(parts, s.ingestLoop)
	}
	if s.cfg.Worker.Name != "" {
		parts = append(parts, s.memberLoop, s.confirmLoop)
	}
	if s.snapshotsOn() {
		parts = append(parts, s.snapshotLoop)
	}
	err := runner.Run(ctx, parts...)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// trouble logs the first error of a row and its end, not each.
type trouble struct {
	log    *slog.Logger
	doing  string
	active bool
}

func (t *trouble) note(err error) {
	switch {
	case err != nil && !t.active:
		t.log.Warn("quarantine: trouble", "doing", t.doing, "error", err)
	case err == nil && t.active:
		t.log.Info("quarantine: trouble has passed", "doing", t.doing)
	}
	t.active = err != nil
}

// systemActor is this process where it acts by itself.
func (s *Service) systemActor() Actor {
	name := "theriac"
	if s.cfg.Worker.Name != "" {
		name = "worker " + s.cfg.Worker.Name
	}
	return Actor{Name: name, Via: "system"}
}
