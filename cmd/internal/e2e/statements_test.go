package e2e

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// countingStore counts the calls that a message can cause; every statement is
// made in one of them. Polling, which no message causes, is not counted.
type countingStore struct {
	quarantine.Store
	calls atomic.Int64
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
