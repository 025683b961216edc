package e2e

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// countingStore counts the calls that a message can cause; every statement is
// made in one of them. Polling, which no message causes, is not counted.
type countingStore struct {
	quarantine.Store
	calls     atomic.Int64
	snapshots atomic.Int64 // each is one UPDATE; no message causes them
}

// Join counts the snapshots of the registration too.
func (s *countingStore) Join(ctx context.Context, w quarantine.Worker) (quarantine.Membership, error) {
	m, err := s.Store.Join(ctx, w)
	if err != nil {
		return nil, err
	}
	return &countedMember{m, &s.snapshots}, nil
}

type countedMember struct {
	quarantine.Membership
	snapshots *atomic.Int64
}

func (m *countedMember) Snapshot(ctx context.Context, running []handlers.Running) error {
	m.snapshots.Add(1)
	return m.Membership.Snapshot(ctx, running)
}

func (s *countingStore) RecordAttempts(ctx context.Context, b []quarantine.AttemptRecord) ([]handlers.Totals, error) {
	s.calls.Add(1)
	return s.Store.RecordAttempts(ctx, b)
}

func (s *countingStore) HoldEntries(ctx context.Context, b []quarantine.NewEntry) ([]quarantine.HoldResult, error) {
	s.calls.Add(1)
	return s.Store.HoldEntries(ctx, b)
}

func (s *countingStore) EntryGet(ctx context.Context, k quarantine.EntryKey, o quarantine.GetOptions) (quarantine.Entry, error) {
	s.calls.Add(1)
	return s.Store.EntryGet(ctx, k, o)
}

func (s *countingStore) Decided(ctx context.Context, identity [32]byte) (bool, error) {
	s.calls.Add(1)
	return s.Store.Decided(ctx, identity)
}

func (s *countingStore) SettleSuspects(ctx context.Context, b []quarantine.SuspectFate) error {
	s.calls.Add(1)
	return s.Store.SettleSuspects(ctx, b)
}

func (s *countingStore) Transition(ctx context.Context, tr quarantine.Transition) (quarantine.Entry, error) {
	s.calls.Add(1)
	return s.Store.Transition(ctx, tr)
}

// TestSuccess_CostsNoStatement: messages that succeed and never failed leave the
// store alone.
func TestSuccess_CostsNoStatement(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) engine{"sqlite": embeddedEngine, "postgres": distributedEngine} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := open(t)
			store := &countingStore{Store: e.store}
			e.store = store
			o := newOracle()
			service, stop := o.run(t, e)
			defer stop()
			<-service.Ready()
			e.publish(t, 10, func(i int) string { return fmt.Sprintf("good-warm-%d", i) })
			o.await(t, 10)

			before := store.calls.Load()
			e.publish(t, 2000, func(i int) string { return fmt.Sprintf("good-%d", i) })
			o.await(t, 2000)
			if n := store.calls.Load() - before; n != 0 {
				t.Errorf("2000 successes cost %d calls of the store", n)
			}
			e.publish(t, 1, func(int) string { return "poison" })
			awaitHeld(t, service, 1)
			if n := store.calls.Load() - before; n < 4 {
				t.Errorf("three failures and a quarantine were seen as %d calls: the counter is blind", n)
			}
		})
	}
}

// TestSnapshot_CostsByTheTick: what this process runs is written at most once a tick,
// however many messages there are, and not at all for messages that are done within
// one.
func TestSnapshot_CostsByTheTick(t *testing.T) {
	t.Parallel()
	e := distributedEngine(t)
	store := &countingStore{Store: e.store}
	e.store = store
	o := newOracle()
	o.tick = 400 * time.Millisecond
	o.takes = 2 * o.tick
	service, stop := o.run(t, e)
	defer stop()
	<-service.Ready()

	e.publish(t, 3000, func(i int) string { return fmt.Sprintf("good-short-%d", i) })
	o.await(t, 3000)
	// Each is done within a tick, but for what a busy machine keeps longer: that is written, and taken out.
	if n, old := store.snapshots.Load(), o.old.Load(); n > 2*old {
		t.Errorf("3000 messages cost %d snapshots, and %d times one ran for longer than a tick", n, old)
	}
	for _, long := range []int{100, 1000} {
		before, oldBefore, began := store.snapshots.Load(), o.old.Load(), time.Now()
		e.publish(t, long, func(i int) string { return fmt.Sprintf("good-long-%d-%d", long, i) })
		o.await(t, long)
		// One for the tick that had begun, and one for what the last one left. None where a busy machine did not
		// look while they ran.
		n, most := store.snapshots.Load()-before, int64(time.Since(began)/o.tick)+2
		if old := o.old.Load() - oldBefore; n < min(old, 1) || n > most {
			t.Errorf("%d messages of two ticks each cost %d snapshots, want 1 to %d; %d looks found them", long, n, most, old)
		}
	}
}
