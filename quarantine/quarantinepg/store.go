package quarantinepg

import (
	"context"
	"log/slog"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/internal/pgkit"
	"github.com/theriac/theriac/quarantine"
)

// Store is a [quarantine.Store] in PostgreSQL. It is safe for concurrent use.
type Store struct {
	log    *slog.Logger
	pool   *pgkit.Pool
	direct *pgx.ConnConfig // for the connections of memberships

	mu      sync.Mutex
	members map[*membership]struct{} // nil once the store is closed
}

var _ quarantine.Store = (*Store)(nil)

// Open connects to the store and checks its schema. It returns an error that
// wraps [quarantine.ErrSchema] if the schema is not the one of this program,
// [quarantine.ErrInvalid] for a Config that is wrong, and
// [quarantine.ErrUnavailable] if the server cannot be reached. It never changes
// the schema.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	pool, err := pgkit.Open(ctx, cfg.kit())
	if err != nil {
		return nil, err
	}
	return &Store{log: cfg.Logger, pool: pool, direct: pool.Direct("worker"), members: make(map[*membership]struct{})}, nil
}

// Close closes the connections, those of memberships that did not leave
// included: the others will find them dead. It waits for calls that run.
func (s *Store) Close() error {
	s.pool.Refuse()
	s.mu.Lock()
	members := s.members
	s.members = nil
	s.mu.Unlock()
	for m := range members {
		m.release()
	}
	s.pool.Close()
	return nil
}

// tx is one transaction.
type tx struct {
	pgx.Tx
	ctx context.Context // for the length of one call
}

// write runs f in a transaction, again if the server ended it for the sake of
// another one; f must start from nothing each time.
func (s *Store) write(ctx context.Context, doing string, f func(tx) error) error {
	return s.within(ctx, pgx.TxOptions{}, doing, f)
}

// read runs f on one state of the store.
func (s *Store) read(ctx context.Context, doing string, f func(tx) error) error {
	return s.within(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, doing, f)
}

func (s *Store) within(ctx context.Context, options pgx.TxOptions, doing string, f func(tx) error) error {
	return s.pool.Call(ctx, doing, func(ctx context.Context) error {
		return pgx.BeginTxFunc(ctx, s.pool, options, func(t pgx.Tx) error { return f(tx{t, ctx}) })
	})
}

// collect reads all rows by column name.
func collect[T any](x tx, statement string, args ...any) ([]T, error) {
	return pgkit.Collect[T](x.ctx, x, statement, args...)
}

// values reads one column of all rows; nil for none.
func values[T any](x tx, statement string, args ...any) ([]T, error) {
	return pgkit.Values[T](x.ctx, x, statement, args...)
}

// value reads one value of one row; pgkit.IsNone tells that there was no row.
func value[T any](x tx, statement string, args ...any) (v T, err error) {
	err = x.QueryRow(x.ctx, statement, args...).Scan(&v)
	return v, err
}

// exec runs a statement and returns how many rows it changed.
func (x tx) exec(statement string, args ...any) (int64, error) {
	tag, err := x.Exec(x.ctx, statement, args...)
	return tag.RowsAffected(), err
}

// send runs a batch of statements in one round trip.
func (x tx) send(b *pgx.Batch) error {
	return x.SendBatch(x.ctx, b).Close()
}
