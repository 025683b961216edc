package quarantinetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// member is a worker's registration; its lock is the field alive.
type member struct {
	store  *Store
	worker quarantine.Worker
	lost   chan struct{}
	ended  *bool // nil while registered, then whether it died

	running []byte // the last snapshot, encoded
}

// Join implements [quarantine.Store].
func (s *Store) Join(ctx context.Context, w quarantine.Worker) (quarantine.Membership, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	w.Incarnation = rand.Text()
	w.Subscriptions = slices.Clone(w.Subscriptions)
	w.Started, w.Heard, w.Alive = s.now(), s.now(), true
	m := &member{store: s, worker: w, lost: make(chan struct{})}
	s.workers = append(s.workers, m)
	return m, nil
}

// Kill ends a membership of this store as the death of its process would: its
// lock is free, it left no tombstone, and Lost is closed.
func (s *Store) Kill(m quarantine.Membership) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := m.(*member); m.worker.Alive {
		m.worker.Alive = false
		close(m.lost)
	}
}

// Workers implements [quarantine.Store].
func (s *Store) Workers(ctx context.Context) ([]quarantine.Worker, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var workers []quarantine.Worker
	for _, m := range s.workers {
		if left := m.ended != nil && !*m.ended; !left {
			workers = append(workers, m.shown())
		}
	}
	return workers, nil
}

func (m *member) shown() quarantine.Worker {
	w := m.worker
	w.Subscriptions = slices.Clone(w.Subscriptions)
	w.Obeyed = maps.Clone(w.Obeyed)
	return w
}

// ReapWorkers implements [quarantine.Store].
func (s *Store) ReapWorkers(ctx context.Context) ([]quarantine.Worker, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var dead []quarantine.Worker
	for _, m := range s.workers {
		if m.ended != nil || m.worker.Alive {
			continue
		}
		running, err := quarantine.DecodeRunning(m.running)
		if err != nil {
			return nil, err
		}
		if !quarantine.Overdue(m.worker, running, s.now()) {
			m.giveBackLocked(quarantine.DeathTransition)
			continue
		}
		if len(running) > 0 && !s.reportedLocked(m.worker) {
			if _, err := s.addCrashLocked(quarantine.DeathReport(m.shown(), running, s.now())); err != nil {
				return nil, err
			}
		}
		m.endLocked(true, quarantine.DeathTransition)
		dead = append(dead, m.shown())
	}
	return dead, nil
}

// reportedLocked reports whether a report of the worker's death came since it was
// last heard of.
func (s *Store) reportedLocked(w quarantine.Worker) bool {
	return slices.ContainsFunc(s.crashes, func(r *crash) bool {
		c, err := quarantine.DecodeCrash(r.body)
		return err == nil && quarantine.DiedWith(w, c) && !r.at.Before(w.Heard)
	})
}

// Age makes a membership of this store look as if it had not been heard of for d
// longer.
func (s *Store) Age(m quarantine.Membership, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &m.(*member).worker
	w.Heard = w.Heard.Add(-d)
}

// endLocked ends the registration and moves what it claims on.
func (m *member) endLocked(died bool, move func(quarantine.Entry, quarantine.Worker) quarantine.Transition) {
	m.ended = &died
	m.worker.Alive = false
	m.running = nil
	m.giveBackLocked(move)
}

// giveBackLocked moves what the worker claims on.
func (m *member) giveBackLocked(move func(quarantine.Entry, quarantine.Worker) quarantine.Transition) {
	for _, r := range m.store.entries {
		if r.Claim == m.worker.Incarnation {
			if _, err := m.store.transitionLocked(r, move(r.Entry, m.worker)); err != nil {
				panic(fmt.Sprintf("quarantinetest: %v", err)) // impossible: it is claimed, and we hold the lock
			}
		}
	}
}

// Incarnation implements [quarantine.Membership].
func (m *member) Incarnation() string { return m.worker.Incarnation }

// Lost implements [quarantine.Membership].
func (m *member) Lost() <-chan struct{} { return m.lost }

// Heartbeat implements [quarantine.Membership].
func (m *member) Heartbeat(ctx context.Context) error {
	if err := m.store.lock(ctx); err != nil {
		return err
	}
	defer m.store.mu.Unlock()
	if m.ended != nil || !m.worker.Alive {
		return fmt.Errorf("heartbeat of %s: %w", m.worker.Name, quarantine.ErrNoWorker)
	}
	m.worker.Heard = m.store.now()
	return nil
}

// Snapshot implements [quarantine.Membership].
func (m *member) Snapshot(ctx context.Context, running []handlers.Running) error {
	if err := m.store.lock(ctx); err != nil {
		return err
	}
	defer m.store.mu.Unlock()
	if m.ended != nil || !m.worker.Alive {
		return fmt.Errorf("snapshot of %s: %w", m.worker.Name, quarantine.ErrNoWorker)
	}
	m.running = quarantine.EncodeRunning(running)
	return nil
}

// Leave implements [quarantine.Membership].
func (m *member) Leave(ctx context.Context) error {
	if err := m.store.lock(ctx); err != nil {
		return err
	}
	defer m.store.mu.Unlock()
	if m.ended == nil {
		m.endLocked(false, quarantine.LeaveTransition)
	}
	return nil
}
