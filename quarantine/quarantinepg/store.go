package quarantinepg

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/theriac/theriac/quarantine"
)

// Store is a [quarantine.Store] in PostgreSQL. It is safe for concurrent use.
type Store struct {
	cfg    Config
	pool   *pgxpool.Pool
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
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	pooled, err := poolConfig(cfg)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), pooled)
	if err != nil {
		return nil, classify("open the store", err)
	}
	s := &Store{cfg: cfg, pool: pool, direct: pooled.ConnConfig.Copy(), members: make(map[*membership]struct{})}
	s.direct.RuntimeParams["application_name"] += " worker"
	if err := s.checkSchema(ctx, cfg.URL); err != nil {
		pool.Close()
		return nil, classify("open the store "+Redact(cfg.URL), err)
	}
	return s, nil
}

// Close closes the connections, those of memberships that did not leave
// included: the others will find them dead. It waits for calls that run.
func (s *Store) Close() error {
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

func (s *Store) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.members == nil
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
	return s.call(ctx, doing, func(ctx context.Context) error {
		return pgx.BeginTxFunc(ctx, s.pool, options, func(t pgx.Tx) error { return f(tx{t, ctx}) })
	})
}

// call runs f within the time of a call, again if the server rolled it back for
// the sake of another, and says what its error means.
func (s *Store) call(ctx context.Context, doing string, f func(ctx context.Context) error) error {
	const tries = 5
	if s.isClosed() {
		return fmt.Errorf("%s: %w: the store was closed", doing, quarantine.ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.callTimeout())
	defer cancel()
	var err error
	for range tries {
		if err = f(ctx); !lostToAnother(err) {
			break
		}
	}
	return classify(doing, err)
}

// collect reads all rows by column name.
func collect[T any](x tx, statement string, args ...any) ([]T, error) {
	rows, err := x.Query(x.ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[T])
}

// values reads one column of all rows; nil for none.
func values[T any](x tx, statement string, args ...any) ([]T, error) {
	rows, err := x.Query(x.ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	return pgx.AppendRows([]T(nil), rows, pgx.RowTo[T])
}

// value reads one value of one row; isNone tells that there was no row.
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

// into returns what reads the rows of a queued query into all, by column name.
func into[T any](all *[]T) func(pgx.Rows) error {
	return func(rows pgx.Rows) (err error) {
		*all, err = pgx.CollectRows(rows, pgx.RowToStructByName[T])
		return err
	}
}

// isNone reports that a query for one row found none.
func isNone(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
