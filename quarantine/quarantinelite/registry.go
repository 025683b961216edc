package quarantinelite

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/internal/localfile"
	"github.com/theriac/theriac/quarantine"
)

// tombstonesKept is how long the row of an ended worker stays.
const tombstonesKept = 7 * 24 * time.Hour

// membership is a worker's registration. Its lock lives as long as the process.
type membership struct {
	store  *Store
	worker quarantine.Worker
	lost   chan struct{}

	mu   sync.Mutex
	lock *localfile.Lock // nil after it left
}

// Join implements [quarantine.Store].
func (s *Store) Join(ctx context.Context, w quarantine.Worker) (quarantine.Membership, error) {
	const doing = "register the worker"
	w.Incarnation = rand.Text()
	if err := os.MkdirAll(s.locks(), 0o700); err != nil {
		return nil, classify(doing, err)
	}
	// The lock comes first: a row whose lock is free is a dead worker.
	lock, err := localfile.TryLock(s.lockFile(w.Incarnation))
	if err != nil {
		return nil, classify(doing, err)
	}
	err = s.write(ctx, doing, func(x *tx) error {
		if _, err := x.Exec(sqlWorkerPrune, litekit.Micros(x.Now.Add(-tombstonesKept))); err != nil {
			return err
		}
		_, err := x.Exec(sqlWorkerAdd, w.Incarnation, w.Name, w.Host, w.Build, w.PID,
			quarantine.EncodeTexts(w.Subscriptions), litekit.Micros(x.Now))
		return err
	})
	if err != nil {
		lock.Release()
		s.forget(w.Incarnation)
		return nil, err
	}
	return &membership{store: s, worker: w, lost: make(chan struct{}), lock: lock}, nil
}

func (s *Store) locks() string { return s.path + "-workers" }

func (s *Store) lockFile(incarnation string) string {
	return filepath.Join(s.locks(), incarnation+".lock")
}

// forget removes the lock file of a worker that has ended. One that cannot be
// removed does no harm: its lock is free, and nobody asks for it.
func (s *Store) forget(incarnation string) { _ = os.Remove(s.lockFile(incarnation)) }

// Incarnation implements [quarantine.Membership].
func (m *membership) Incarnation() string { return m.worker.Incarnation }

// Lost implements [quarantine.Membership]. A file lock is not lost while its
// process lives; the registration is, if somebody removed the lock file and a
// reaper then took the worker for dead.
func (m *membership) Lost() <-chan struct{} { return m.lost }

// Heartbeat implements [quarantine.Membership].
func (m *membership) Heartbeat(ctx context.Context) error {
	var heard int64
	err := m.store.write(ctx, "heartbeat", func(x *tx) (err error) {
		heard, err = x.Exec(sqlWorkerHeard, m.worker.Incarnation, litekit.Micros(x.Now))
		return err
	})
	if err != nil || heard == 1 {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lock != nil {
		m.endLocked()
		close(m.lost)
	}
	return fmt.Errorf("heartbeat: %w", m.ended())
}

func (m *membership) ended() error {
	return fmt.Errorf("worker %s is not registered any more: %w", m.worker.Name, quarantine.ErrNoWorker)
}

// OneMachine says that no other machine can use the store.
func (*Store) OneMachine() {}

// Snapshot implements [quarantine.Membership]. It keeps nothing: who can open this
// file again can read the worker's state directory, too, where the table of what
// it ran outlives it.
func (m *membership) Snapshot(context.Context, []handlers.Running) error { return nil }

// Leave implements [quarantine.Membership].
func (m *membership) Leave(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lock == nil {
		return nil
	}
	err := m.store.write(ctx, "leave", func(x *tx) error {
		return x.end(m.worker, "left", quarantine.LeaveTransition)
	})
	if err != nil {
		return err
	}
	m.endLocked()
	return nil
}

func (m *membership) endLocked() {
	m.lock.Release()
	m.lock = nil
	m.store.forget(m.worker.Incarnation)
}

// end writes how a worker ended and moves on what it claims. It does nothing
// for one that has ended already.
func (x *tx) end(w quarantine.Worker, how string, move func(quarantine.Entry, quarantine.Worker) quarantine.Transition) error {
	if n, err := x.Exec(sqlWorkerEnd, w.Incarnation, how); err != nil || n == 0 {
		return err
	}
	f := litekit.NewFilter(-1)
	f.And("e.claim = " + f.Arg(w.Incarnation))
	rows, err := x.entries(f)
	if err != nil {
		return err
	}
	for _, row := range rows {
		e, err := row.entry()
		if err != nil {
			return err
		}
		if _, err := x.transition(row, move(e, w)); err != nil {
			return err
		}
	}
	return nil
}

// workerRow is a row of worker_list.sql.
type workerRow struct {
	Incarnation   string `db:"incarnation"`
	Name          string `db:"name"`
	Host          string `db:"host"`
	Build         string `db:"build"`
	PID           int    `db:"pid"`
	Subscriptions []byte `db:"subscriptions"`
	StartedAt     int64  `db:"started_at"`
	HeardAt       int64  `db:"heard_at"`
	Ended         string `db:"ended"`
	Controls      int64  `db:"controls"`
	Obeyed        []byte `db:"obeyed"`
}

// workers returns the workers that did not leave, and of each whether a reaper
// has found it dead already.
func (s *Store) workers(x *tx) (workers []quarantine.Worker, reaped []bool, err error) {
	rows, err := litekit.Collect[workerRow](x, sqlWorkerList)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range rows {
		subscriptions, err := quarantine.DecodeTexts(r.Subscriptions)
		if err != nil {
			return nil, nil, fmt.Errorf("worker %s: %w", r.Name, err)
		}
		obeyed, err := quarantine.DecodeObeyed(r.Obeyed)
		if err != nil {
			return nil, nil, fmt.Errorf("worker %s: %w", r.Name, err)
		}
		alive := false
		if r.Ended == "" {
			if alive, err = localfile.IsLocked(s.lockFile(r.Incarnation)); err != nil {
				return nil, nil, err
			}
		}
		workers = append(workers, quarantine.Worker{
			Incarnation: r.Incarnation, Name: r.Name, Host: r.Host, Build: r.Build, PID: r.PID,
			Subscriptions: subscriptions, Started: litekit.TimeOf(r.StartedAt), Heard: litekit.TimeOf(r.HeardAt), Alive: alive,
			Controls: r.Controls, Obeyed: obeyed,
		})
		reaped = append(reaped, r.Ended != "")
	}
	return workers, reaped, nil
}

// Workers implements [quarantine.Store].
func (s *Store) Workers(ctx context.Context) (workers []quarantine.Worker, err error) {
	err = s.read(ctx, "list workers", func(x *tx) error {
		workers, _, err = s.workers(x)
		return err
	})
	if err != nil {
		return nil, err
	}
	return workers, nil
}

// ReapWorkers implements [quarantine.Store].
func (s *Store) ReapWorkers(ctx context.Context) ([]quarantine.Worker, error) {
	dead, err := s.dead(ctx)
	if err != nil || len(dead) == 0 {
		return nil, err
	}
	var reaped []quarantine.Worker
	err = s.write(ctx, "reap workers", func(x *tx) error {
		for _, w := range dead {
			alive, err := litekit.Value[int](x, sqlWorkerAlive, w.Incarnation)
			if err != nil {
				return err
			}
			if alive == 0 {
				continue // another reaper was first
			}
			if err := x.end(w, "dead", quarantine.DeathTransition); err != nil {
				return err
			}
			reaped = append(reaped, w)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, w := range reaped {
		s.forget(w.Incarnation)
	}
	return reaped, nil
}

// dead returns the workers whose lock is free and of whom nobody knows it yet.
// Nobody can take such a lock again, so what is read here stays true.
func (s *Store) dead(ctx context.Context) (dead []quarantine.Worker, err error) {
	err = s.read(ctx, "look for dead workers", func(x *tx) error {
		workers, reaped, err := s.workers(x)
		for i, w := range workers {
			if !w.Alive && !reaped[i] {
				dead = append(dead, w)
			}
		}
		return err
	})
	return dead, err
}
