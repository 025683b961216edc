package quarantinepg

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/quarantine"
)

// directTimeout bounds what is asked of a membership's own connection.
const directTimeout = 5 * time.Second

// membership is a worker's registration. Its connection holds the lock.
type membership struct {
	store  *Store
	worker quarantine.Worker
	lost   chan struct{}

	mu   sync.Mutex
	conn *pgx.Conn // nil after it left or was lost
	left bool
}

// Join implements [quarantine.Store].
func (s *Store) Join(ctx context.Context, w quarantine.Worker) (quarantine.Membership, error) {
	const doing = "register the worker"
	conn, err := pgx.ConnectConfig(ctx, s.direct)
	if err != nil {
		return nil, classify(doing, err)
	}
	w.Incarnation = rand.Text()
	if err := register(ctx, conn, w); err != nil {
		closeConn(ctx, conn)
		return nil, classify(doing, err)
	}
	return &membership{store: s, worker: w, lost: make(chan struct{}), conn: conn}, nil
}

// register takes the lock, then tells of it: a row whose lock is free is a dead
// worker.
func register(ctx context.Context, conn *pgx.Conn, w quarantine.Worker) error {
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

// closeConn ends a connection politely if it still can.
func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), directTimeout)
	defer cancel()
	_ = conn.Close(ctx) // it is closed in any case
}

// Incarnation implements [quarantine.Membership].
func (m *membership) Incarnation() string { return m.worker.Incarnation }

// Lost implements [quarantine.Membership]. That the connection broke is found
// out by Heartbeat.
func (m *membership) Lost() <-chan struct{} { return m.lost }

// Heartbeat implements [quarantine.Membership]. It goes through the connection
// that holds the lock, within five seconds, whatever becomes of ctx: to give up
// in the middle would break the connection.
func (m *membership) Heartbeat(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn == nil {
		return fmt.Errorf("heartbeat: worker %s is not registered any more: %w", m.worker.Name, quarantine.ErrNoWorker)
	}
	direct, cancel := context.WithTimeout(context.WithoutCancel(ctx), directTimeout)
	defer cancel()
	tag, err := m.conn.Exec(direct, sqlWorkerHeard, m.worker.Incarnation)
	if err == nil && tag.RowsAffected() == 0 {
		err = quarantine.ErrNoWorker // a reaper took it for dead
	} else if err != nil && !m.conn.IsClosed() {
		return classify("heartbeat", err) // the lock still holds
	}
	if err != nil {
		m.closeLocked(ctx)
		close(m.lost)
	}
	return classify("heartbeat", err)
}

// Leave implements [quarantine.Membership].
func (m *membership) Leave(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left {
		return nil
	}
	err := m.store.write(ctx, "leave", func(x tx) error {
		return x.end(m.worker, "left", quarantine.LeaveTransition)
	})
	if err != nil {
		return err
	}
	m.left = true
	m.closeLocked(ctx)
	return nil
}

func (m *membership) closeLocked(ctx context.Context) {
	if m.conn != nil {
		closeConn(ctx, m.conn)
		m.conn = nil
	}
}

// end writes how a worker ended and moves on what it claims. It does nothing
// for one that has ended already.
func (x tx) end(w quarantine.Worker, how string, move func(quarantine.Entry, quarantine.Worker) quarantine.Transition) error {
	if n, err := x.exec(sqlWorkerEnd, w.Incarnation, how); err != nil || n == 0 {
		return err
	}
	f := newFilter(math.MaxInt32)
	f.lock = lockEntry
	f.and("e.claim = " + f.arg(w.Incarnation))
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
}

func (r *workerRow) worker() quarantine.Worker {
	return quarantine.Worker{
		Incarnation: r.Incarnation, Name: r.Name, Host: r.Host, Build: r.Build, PID: r.PID,
		Subscriptions: r.Subscriptions, Started: r.StartedAt.UTC(), Heard: r.HeardAt.UTC(),
		Alive: r.Ended == "" && r.Locked,
	}
}

// Workers implements [quarantine.Store].
func (s *Store) Workers(ctx context.Context) (workers []quarantine.Worker, err error) {
	err = s.read(ctx, "list workers", func(x tx) error {
		workers = nil
		rows, err := collect[workerRow](x, sqlWorkerList)
		for i := range rows {
			workers = append(workers, rows[i].worker())
		}
		return err
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
		err := s.write(ctx, "reap worker "+w.Name, func(x tx) error {
			// Waits for another reaper and then finds nothing left to do.
			_, err := value[string](x, sqlWorkerTake, w.Incarnation)
			if won = err == nil; !won {
				return ignoreNone(err)
			}
			return x.end(w, "dead", quarantine.DeathTransition)
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

// dead returns the workers whose lock is free and of whom nobody knows it yet.
// Nobody takes such a lock again, so what is read here stays true.
func (s *Store) dead(ctx context.Context) (dead []quarantine.Worker, err error) {
	err = s.read(ctx, "look for dead workers", func(x tx) error {
		dead = nil
		rows, err := collect[workerRow](x, sqlWorkerList)
		for i := range rows {
			if w := rows[i].worker(); !w.Alive && rows[i].Ended == "" {
				dead = append(dead, w)
			}
		}
		return err
	})
	return dead, err
}

func ignoreNone(err error) error {
	if isNone(err) {
		return nil
	}
	return err
}
