package quarantinepg

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// Join implements [quarantine.Store].
func (s *Store) Join(ctx context.Context, w quarantine.Worker) (quarantine.Membership, error) {
	const doing = "register the worker"
	ctx, cancel := context.WithTimeout(ctx, s.pool.CallTimeout())
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, s.direct)
	if err != nil {
		return nil, classify(doing, err)
	}
	w.Incarnation = rand.Text()
	if err = s.pool.Prepare(ctx, conn); err == nil {
		err = register(ctx, conn, w)
	}
	if err != nil {
		closeConn(ctx, conn)
		return nil, classify(doing, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.members == nil {
		closeConn(ctx, conn)
		return nil, s.pool.Closed(doing)
	}
	m := newMembership(ctx, s, w, conn)
	s.members[m] = struct{}{}
	return m, nil
}

// forget drops a membership that has ended.
func (s *Store) forget(m *membership) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.members, m)
}

// register takes the lock, then tells of it: a row whose lock is free is a dead
// worker.
func register(ctx context.Context, conn *pgx.Conn, w quarantine.Worker) error {
	if _, err := conn.Exec(ctx, sqlWorkerSession); err != nil {
		return err
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	key := int64(binary.BigEndian.Uint64(b[:]) >> 1)
	var locked bool
	if err := conn.QueryRow(ctx, sqlWorkerLock, key).Scan(&locked); err != nil {
		return err
	}
	if !locked {
		return fmt.Errorf("the lock %d is taken: %w", key, quarantine.ErrUnavailable)
	}
	if _, err := conn.Exec(ctx, sqlWorkerPrune); err != nil {
		return err
	}
	subscriptions := append([]string{}, w.Subscriptions...)
	_, err := conn.Exec(ctx, sqlWorkerAdd, w.Incarnation, key, w.Name, w.Host, w.Build, w.PID, subscriptions)
	return err
}

// end writes how a worker ended and moves on what it claims. It does nothing
// for one that has ended already.
func (x tx) end(w quarantine.Worker, how string, move func(quarantine.Entry, quarantine.Worker) quarantine.Transition) error {
	if n, err := x.exec(sqlWorkerEnd, w.Incarnation, how); err != nil || n == 0 {
		return err
	}
	return x.giveBack(w, move)
}

// giveBack moves on what a worker claims.
func (x tx) giveBack(w quarantine.Worker, move func(quarantine.Entry, quarantine.Worker) quarantine.Transition) error {
	f := newFilter(math.MaxInt32)
	f.lock = lockEntry
	f.And("e.claim = " + f.Arg(w.Incarnation))
	rows, err := x.entries(f)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return nil
	}
	_, err = x.transition(rows, func(e quarantine.Entry) quarantine.Transition { return move(e, w) })
	return err
}

// workerRow is a row of worker_list.sql.
type workerRow struct {
	Incarnation   string    `db:"incarnation"`
	Name          string    `db:"name"`
	Host          string    `db:"host"`
	Build         string    `db:"build"`
	PID           int       `db:"pid"`
	Subscriptions []string  `db:"subscriptions"`
	StartedAt     time.Time `db:"started_at"`
	HeardAt       time.Time `db:"heard_at"`
	Ended         string    `db:"ended"`
	Locked        bool      `db:"locked"`
	Controls      int64     `db:"controls"`
	Obeyed        []byte    `db:"obeyed"`
}

func (r *workerRow) worker() (quarantine.Worker, error) {
	obeyed, err := quarantine.DecodeObeyed(r.Obeyed)
	if err != nil {
		return quarantine.Worker{}, fmt.Errorf("worker %s: %w", r.Name, err)
	}
	return quarantine.Worker{
		Incarnation: r.Incarnation, Name: r.Name, Host: r.Host, Build: r.Build, PID: r.PID,
		Subscriptions: r.Subscriptions, Started: r.StartedAt.UTC(), Heard: r.HeardAt.UTC(),
		Alive: r.Ended == "" && r.Locked, Controls: r.Controls, Obeyed: obeyed,
	}, nil
}

// Workers implements [quarantine.Store].
func (s *Store) Workers(ctx context.Context) (workers []quarantine.Worker, err error) {
	err = s.read(ctx, "list workers", func(x tx) error {
		workers = nil
		rows, err := collect[workerRow](x, sqlWorkerList)
		if err != nil {
			return err
		}
		for i := range rows {
			w, err := rows[i].worker()
			if err != nil {
				return err
			}
			workers = append(workers, w)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return workers, nil
}

// ReapWorkers implements [quarantine.Store].
func (s *Store) ReapWorkers(ctx context.Context) (reaped []quarantine.Worker, err error) {
	dead, err := s.dead(ctx)
	if err != nil {
		return nil, err
	}
	for _, w := range dead {
		won := false
		err := s.write(ctx, "reap worker "+w.Name, func(x tx) (err error) {
			won, err = x.reap(w)
			return err
		})
		if err != nil {
			return reaped, err
		}
		if won {
			reaped = append(reaped, w)
		}
	}
	return reaped, nil
}

// bodyRow is a row of worker_take.sql.
type bodyRow struct {
	InFlight []byte    `db:"in_flight"`
	HeardAt  time.Time `db:"heard_at"`
	At       time.Time `db:"at"`
}

// take locks the row of a dead worker. It waits for another reaper, and then
// finds none.
func (x tx) take(w quarantine.Worker) (bodyRow, bool, error) {
	rows, err := collect[bodyRow](x, sqlWorkerTake, w.Incarnation)
	if err != nil || len(rows) == 0 {
		return bodyRow{}, false, err
	}
	return rows[0], true, nil
}

// reap marks a dead worker, with a report of what it was running. It reports
// whether it did: a worker whose guardian may still tell of it is left for later.
func (x tx) reap(w quarantine.Worker) (bool, error) {
	body, found, err := x.take(w)
	if err != nil || !found {
		return false, err
	}
	w.Heard = body.HeardAt.UTC()
	running, err := quarantine.DecodeRunning(body.InFlight)
	if err != nil {
		return false, fmt.Errorf("worker %s: %w", w.Name, err)
	}
	if !quarantine.Overdue(w, running, body.At) {
		return false, x.giveBack(w, quarantine.DeathTransition)
	}
	if len(running) > 0 {
		if err := x.reportDeath(w, running, body.At.UTC()); err != nil {
			return false, err
		}
	}
	return true, x.end(w, "dead", quarantine.DeathTransition)
}

// reportDeath reports a worker with what its last snapshot says, unless somebody
// who knew more has reported it.
func (x tx) reportDeath(w quarantine.Worker, running []handlers.Running, at time.Time) error {
	told, err := value[bool](x, sqlCrashAbout, searched(w.Host), w.PID, w.Started.UnixMicro(), w.Heard)
	if err != nil || told {
		return err
	}
	c, err := quarantine.StoredCrash(quarantine.DeathReport(w, running, at))
	if err != nil {
		return err
	}
	_, err = x.addCrash(c)
	return err
}

// dead returns the workers whose lock is free and of whom nobody knows it yet.
// Nobody takes such a lock again, so what is read here stays true.
func (s *Store) dead(ctx context.Context) (dead []quarantine.Worker, err error) {
	err = s.read(ctx, "look for dead workers", func(x tx) error {
		dead, err = x.dead()
		return err
	})
	return dead, err
}

func (x tx) dead() (dead []quarantine.Worker, err error) {
	rows, err := collect[workerRow](x, sqlWorkerList)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		w, err := rows[i].worker()
		if err != nil {
			return nil, err
		}
		if !w.Alive && rows[i].Ended == "" {
			dead = append(dead, w)
		}
	}
	return dead, nil
}
