package pgkit

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Pool is the connections of one store. It is safe for concurrent use.
type Pool struct {
	*pgxpool.Pool
	cfg    Config
	closed atomic.Bool
}

// Open connects to a store and checks its schema, which it never changes. Its errors are those of
// cfg.Kinds and show the URL without its password.
func Open(ctx context.Context, cfg Config) (*Pool, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	pooled, err := cfg.pool()
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), pooled)
	if err != nil {
		return nil, cfg.Kinds.Classify("open the store", err)
	}
	p := &Pool{Pool: pool, cfg: cfg}
	if err := p.checkSchema(ctx); err != nil {
		pool.Close()
		return nil, cfg.Kinds.Classify("open the store "+Redact(cfg.URL), err)
	}
	return p, nil
}

// Refuse lets no call begin any more, and reports whether it is the first to do so.
func (p *Pool) Refuse() bool { return !p.closed.Swap(true) }

// Close refuses calls, waits for those that run and closes the connections. Closing twice is no error.
func (p *Pool) Close() {
	p.Refuse()
	p.Pool.Close()
}

// Call runs f within the time of a call, again if the server rolled it back for the sake of another, so
// f must start from nothing each time; and says what its error means.
func (p *Pool) Call(ctx context.Context, doing string, f func(ctx context.Context) error) error {
	const tries = 5
	if p.closed.Load() {
		return p.Closed(doing)
	}
	ctx, cancel := context.WithTimeout(ctx, p.CallTimeout())
	defer cancel()
	var err error
	for range tries {
		if err = f(ctx); !p.cfg.Kinds.again(err) {
			break
		}
	}
	return p.cfg.Kinds.Classify(doing, err)
}

// Closed is the error of what came after Close.
func (p *Pool) Closed(doing string) error {
	return fmt.Errorf("%s: %w: the store was closed", doing, p.cfg.Kinds.Unavailable)
}

// CallTimeout bounds a call also where the server says nothing.
func (p *Pool) CallTimeout() time.Duration { return p.cfg.callTimeout() }

// StatementTimeout bounds one statement.
func (p *Pool) StatementTimeout() time.Duration { return p.cfg.StatementTimeout }

// Direct returns how to connect beside the pool, under a name that ends in role.
func (p *Pool) Direct(role string) *pgx.ConnConfig {
	cfg := p.Config().ConnConfig
	cfg.RuntimeParams["application_name"] += " " + role
	return cfg
}

// Prepare makes the settings of a connection that was made beside the pool.
func (p *Pool) Prepare(ctx context.Context, conn *pgx.Conn) error { return p.cfg.prepare(ctx, conn) }
