package quarantinepg

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
)

// directTimeout bounds what is asked of a membership's own connection.
const directTimeout = 5 * time.Second

// membership is a worker's registration. One goroutine owns its connection,
// which holds the lock: it waits for the connection to break, and lets
// heartbeats use it in between.
type membership struct {
	store  *Store
	worker quarantine.Worker
	conn   *pgx.Conn
	life   context.Context // ends when the lock is given up
	cancel context.CancelFunc
	group  runner.Group

	lost   chan struct{}
	ending sync.Once // closes lost, unless it left

	beating sync.Mutex // held by the one heartbeat that is under way
	mu      sync.Mutex
	ask     chan error         // of that heartbeat, until it is taken up
	wake    context.CancelFunc // interrupts the waiting
}

func newMembership(ctx context.Context, s *Store, w quarantine.Worker, conn *pgx.Conn) *membership {
	m := &membership{store: s, worker: w, conn: conn, lost: make(chan struct{})}
	m.life, m.cancel = context.WithCancel(context.WithoutCancel(ctx))
	m.wake = func() {} // nothing waits yet
	m.group.Go(m.own)
	return m
}

// Incarnation implements [quarantine.Membership].
func (m *membership) Incarnation() string { return m.worker.Incarnation }

// Lost implements [quarantine.Membership].
func (m *membership) Lost() <-chan struct{} { return m.lost }

// own keeps the connection until it breaks or is given up.
func (m *membership) own() {
	defer m.store.forget(m)
	defer closeConn(m.life, m.conn)
	defer m.cancel() // heartbeats are answered by it from now on
	for m.life.Err() == nil {
		idle, ask := m.next()
		var err error
		if ask != nil {
			err = m.beat()
			ask <- err
		} else {
			_, err = m.conn.WaitForNotification(idle) // none is asked for: it returns when interrupted or broken
		}
		if m.conn.IsClosed() || errors.Is(err, quarantine.ErrNoWorker) {
			m.ending.Do(func() {
				m.store.log.Warn("quarantine: a worker's connection broke, and with it its lock is gone",
					"worker", m.worker.Name, "incarnation", m.worker.Incarnation, "error", err)
				close(m.lost)
			})
			return
		}
	}
}

// next returns the heartbeat that waits, or nil and a context for waiting which
// ends when one comes.
func (m *membership) next() (idle context.Context, ask chan error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wake() // of the time before
	idle, m.wake = context.WithCancel(m.life)
	ask, m.ask = m.ask, nil
	return idle, ask
}

// beat asks the server, through the connection that holds the lock.
func (m *membership) beat() error {
	ctx, cancel := context.WithTimeout(m.life, directTimeout)
	defer cancel()
	tag, err := m.conn.Exec(ctx, sqlWorkerHeard, m.worker.Incarnation)
	if err == nil && tag.RowsAffected() == 0 {
		err = m.ended() // somebody took it for dead
	}
	return err
}

func (m *membership) ended() error {
	return fmt.Errorf("worker %s is not registered any more: %w", m.worker.Name, quarantine.ErrNoWorker)
}

// Heartbeat implements [quarantine.Membership]. It goes through the connection
// that holds the lock, within five seconds whatever becomes of ctx: to give up
// in the middle would break the connection.
func (m *membership) Heartbeat(ctx context.Context) error {
	const doing = "heartbeat"
	m.beating.Lock()
	defer m.beating.Unlock()
	ask := make(chan error, 1)
	m.mu.Lock()
	m.ask = ask
	m.wake()
	m.mu.Unlock()
	select {
	case err := <-ask:
		return classify(doing, err)
	case <-ctx.Done():
		return classify(doing, ctx.Err())
	case <-m.life.Done():
		return classify(doing, m.ended())
	}
}

// Snapshot implements [quarantine.Membership]. It goes through the pool: the
// connection that holds the lock has one owner, and heartbeats to carry.
func (m *membership) Snapshot(ctx context.Context, running []handlers.Running) error {
	encoded := quarantine.EncodeRunning(running)
	return m.store.pool.Call(ctx, "snapshot", func(ctx context.Context) error {
		tag, err := m.store.pool.Exec(ctx, sqlWorkerSnapshot, m.worker.Incarnation, encoded)
		if err == nil && tag.RowsAffected() == 0 {
			err = m.ended()
		}
		return err
	})
}

// Leave implements [quarantine.Membership]. The lock is given up even if the
// tombstone cannot be written: the others will then find the worker dead.
func (m *membership) Leave(ctx context.Context) error {
	err := m.store.write(ctx, "leave", func(x tx) error {
		return x.end(m.worker, "left", quarantine.LeaveTransition)
	})
	m.release()
	return err
}

// release gives the lock up and waits until the connection is closed.
func (m *membership) release() {
	m.ending.Do(func() {})
	m.cancel()
	m.group.Wait()
}

// closeConn ends a connection politely if it still can.
func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), directTimeout)
	defer cancel()
	_ = conn.Close(ctx) // it is closed in any case
}
