package incidentpg

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/internal/pgkit"
	"github.com/theriac/theriac/internal/runner"
)

// bell tells relays that there is something new, once for all that was stored while
// it was telling. Nobody waits for it.
type bell struct {
	rung   chan struct{} // has room for one
	cancel context.CancelFunc
	group  runner.Group
}

func newBell(ctx context.Context, tell func(ctx context.Context)) *bell {
	b := &bell{rung: make(chan struct{}, 1)}
	ctx, b.cancel = context.WithCancel(ctx)
	b.group.Go(func() {
		for {
			select {
			case <-b.rung:
				tell(ctx)
			case <-ctx.Done():
				return
			}
		}
	})
	return b
}

func (b *bell) ring() {
	select {
	case b.rung <- struct{}{}:
	default: // it will be heard
	}
}

func (b *bell) close() {
	b.cancel()
	b.group.Wait()
}

// Times of a listener.
const (
	listenAgain = time.Second      // after its connection broke
	listenCheck = 15 * time.Second // that it did not break in silence
)

// listener hears the bells of all processes, on a connection of its own, from the first
// who wants to know until the store is closed.
type listener struct {
	pool  *pgkit.Pool
	cfg   *pgx.ConnConfig
	life  context.Context // ends with the store
	end   context.CancelFunc
	group runner.Group

	mu      sync.Mutex
	started bool
	news    chan struct{} // closed at each notification
}

func newListener(ctx context.Context, pool *pgkit.Pool) *listener {
	l := &listener{pool: pool, cfg: pool.Direct("relay"), news: make(chan struct{})}
	l.life, l.end = context.WithCancel(ctx)
	return l
}

// close ends all waiting and the connection.
func (l *listener) close() {
	l.mu.Lock()
	l.started = true // nobody starts it any more
	l.end()
	l.mu.Unlock()
	l.group.Wait()
}

// latest returns what is closed at the next notification.
func (l *listener) latest() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.started {
		l.started = true
		l.group.Go(l.run)
	}
	return l.news
}

// spread tells all who wait.
func (l *listener) spread() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.news)
	l.news = make(chan struct{})
}

// run listens until the store is closed, on one connection after the other.
func (l *listener) run() {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-pause.C:
			l.listen()
			pause.Reset(listenAgain)
		case <-l.life.Done():
			return
		}
	}
}

// listen listens until the connection breaks.
func (l *listener) listen() {
	ctx, cancel := context.WithTimeout(l.life, l.pool.CallTimeout())
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, l.cfg)
	if err != nil {
		return
	}
	defer l.drop(conn)
	for l.subscribe(conn) {
		for l.hear(conn) == nil {
			l.spread()
		}
	}
}

// subscribe makes sure that notifications come, and looks for what came before they
// did.
func (l *listener) subscribe(conn *pgx.Conn) bool {
	ctx, cancel := context.WithTimeout(l.life, l.pool.StatementTimeout())
	defer cancel()
	_, err := conn.Exec(ctx, "LISTEN theriac_incident")
	due := false
	if err == nil {
		err = conn.QueryRow(ctx, sqlOutboxDue).Scan(&due)
	}
	if due {
		l.spread()
	}
	return err == nil
}

// hear waits for a notification, or until it is time to make sure of the connection.
func (l *listener) hear(conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(l.life, listenCheck)
	defer cancel()
	_, err := conn.WaitForNotification(ctx)
	return err
}

// drop ends a connection politely if it still can.
func (l *listener) drop(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.life), l.pool.StatementTimeout())
	defer cancel()
	_ = conn.Close(ctx) // it is closed in any case
}

// Wake implements [incident.Outbox]. Without a connection to listen on it returns when
// patience ends.
func (s *Store) Wake(ctx context.Context, patience time.Duration) error {
	const doing = "wait for something unpublished"
	news := s.listener.latest() // before looking, so that nothing comes in between
	due := false
	err := s.pool.Call(ctx, doing, func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, sqlOutboxDue).Scan(&due)
	})
	if ctx.Err() != nil || due {
		return nil
	} else if err != nil {
		return err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-news:
	case <-timer.C:
	case <-ctx.Done():
	case <-s.listener.life.Done():
		return s.pool.Closed(doing)
	}
	return nil
}
