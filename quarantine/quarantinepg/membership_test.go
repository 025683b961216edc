package quarantinepg_test

import (
	"context"
	"errors"
	"testing"

	"github.com/theriac/theriac/internal/pgtest"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
)

func join(t *testing.T, s quarantine.Store) quarantine.Membership {
	t.Helper()
	m, err := s.Join(t.Context(), quarantine.Worker{Name: "w-1", Subscriptions: []string{"billing"}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestMembership_HeartbeatsShareTheConnectionWithTheWatch: many at once, some
// given up, and the lock is still there.
func TestMembership_HeartbeatsShareTheConnectionWithTheWatch(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Database(t))
	m := join(t, s)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var group runner.Group
	for range 8 {
		group.Go(func() {
			for range 20 {
				if err := m.Heartbeat(t.Context()); err != nil {
					t.Errorf("heartbeat: %v", err)
				}
				if err := m.Heartbeat(gone); err != nil && !errors.Is(err, quarantine.ErrUnavailable) {
					t.Errorf("a heartbeat that was given up: %v", err)
				}
			}
		})
	}
	group.Wait()
	if workers, err := s.Workers(t.Context()); err != nil || len(workers) != 1 || !workers[0].Alive {
		t.Errorf("workers %+v, %v", workers, err)
	}
	if err := m.Leave(t.Context()); err != nil {
		t.Error(err)
	}
	select {
	case <-m.Lost():
		t.Error("a worker that left was told that it lost its lock")
	default:
	}
}

// TestMembership_WithoutItsLockItClaimsNothing, even before a reaper came by.
func TestMembership_WithoutItsLockItClaimsNothing(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	s := open(t, url)
	held, err := s.HoldEntries(t.Context(), []quarantine.NewEntry{entry(1)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Transition(t.Context(), quarantine.Transition{EntryID: held[0].Entry.ID, Version: 1, To: quarantine.StateReplaying})
	if err != nil {
		t.Fatal(err)
	}
	m := join(t, s)
	kill(t, url, m)
	if _, err := s.ClaimReplay(t.Context(), "billing", m.Incarnation()); !errors.Is(err, quarantine.ErrNoWorker) {
		t.Errorf("claim: %v, want ErrNoWorker", err)
	}
	if dead, err := s.ReapWorkers(t.Context()); err != nil || len(dead) != 1 {
		t.Errorf("reaped %v, %v", dead, err)
	}
}

// TestMembership_AReapedWorkerIsTold: somebody took the worker for dead while
// its connection lives, as an operator may by hand.
func TestMembership_AReapedWorkerIsTold(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	s := open(t, url)
	m := join(t, s)
	pgtest.Execute(t, pgtest.Connect(t, url), "UPDATE theriac.worker SET ended = 'dead'")
	if err := m.Heartbeat(t.Context()); !errors.Is(err, quarantine.ErrNoWorker) {
		t.Errorf("heartbeat: %v, want ErrNoWorker", err)
	}
	<-m.Lost()
}

// TestClose_FreesTheLocks of memberships that did not leave.
func TestClose_FreesTheLocks(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	other, s := open(t, url), open(t, url)
	m := join(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.Heartbeat(t.Context()); !errors.Is(err, quarantine.ErrNoWorker) {
		t.Errorf("heartbeat: %v, want ErrNoWorker", err)
	}
	if _, err := s.Join(t.Context(), quarantine.Worker{}); !errors.Is(err, quarantine.ErrUnavailable) {
		t.Errorf("join: %v, want ErrUnavailable", err)
	}
	if _, err := s.Changes(t.Context(), 0); !errors.Is(err, quarantine.ErrUnavailable) {
		t.Errorf("changes: %v, want ErrUnavailable", err)
	}
	var dead []quarantine.Worker
	var err error
	for len(dead) == 0 && err == nil { // the server ends a session a moment after its client
		dead, err = other.ReapWorkers(t.Context())
	}
	if err != nil || dead[0].Incarnation != m.Incarnation() {
		t.Errorf("reaped %v, %v", dead, err)
	}
}
