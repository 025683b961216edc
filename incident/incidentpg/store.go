package incidentpg

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/theriac/theriac/incident"
)

// Store is an [incident.Stores] in PostgreSQL. It is safe for concurrent use.
type Store struct {
	options  Options
	pool     *pgxpool.Pool
	bell     *bell
	listener *listener
	closed   atomic.Bool
}

var _ incident.Stores = (*Store)(nil)

// Open connects to the store at a URL, "postgres://user:password@host/database", and
// checks its schema. It returns an error that wraps [incident.ErrSchema] if the schema
// is not the one of this program, [incident.ErrInvalid] for a URL or Options that are
// wrong, and [incident.ErrUnavailable] if the server cannot be reached. It never
// changes the schema, and shows the URL's password in no error.
func Open(ctx context.Context, url string, options Options) (*Store, error) {
	options = options.withDefaults()
	if err := options.validate(); err != nil {
		return nil, err
	}
	pooled, err := poolConfig(url, options)
	if err != nil {
		return nil, err
	}
	life := context.WithoutCancel(ctx)
	pool, err := pgxpool.NewWithConfig(life, pooled)
	if err != nil {
		return nil, classify("open the store", err)
	}
	s := &Store{options: options, pool: pool}
	if err := s.checkSchema(ctx, url); err != nil {
		pool.Close()
		return nil, classify("open the store "+redact(url), err)
	}
	s.bell = newBell(life, s.tell)
	s.listener = newListener(life, pooled.ConnConfig.Copy(), options)
	return s, nil
}

// Close closes the connections. It waits for calls that run, and ends those that
// wait to be woken. Later calls return an error that wraps [incident.ErrUnavailable].
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.listener.close()
	s.bell.close()
	s.pool.Close()
	return nil
}

// call runs f within the time of a call, again if the server rolled it back for
// the sake of another, and says what its error means.
func (s *Store) call(ctx context.Context, doing string, f func(ctx context.Context) error) error {
	const tries = 5
	if s.closed.Load() {
		return fmt.Errorf("%s: %w: the store was closed", doing, incident.ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.callTimeout())
	defer cancel()
	var err error
	for range tries {
		if err = f(ctx); !lostToAnother(err) {
			break
		}
	}
	return classify(doing, err)
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// collect reads all rows by column name.
func collect[T any](ctx context.Context, q querier, statement string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[T])
}

// values reads one column of all rows; nil for none.
func values[T any](ctx context.Context, q querier, statement string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	return pgx.AppendRows([]T(nil), rows, pgx.RowTo[T])
}

// one reads the only row by column name; isNone tells that there was none.
func one[T any](ctx context.Context, q querier, statement string, args ...any) (T, error) {
	rows, err := q.Query(ctx, statement, args...)
	if err != nil {
		var none T
		return none, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
}

// list is one call that reads all rows of a statement.
func list[T any](ctx context.Context, s *Store, doing, statement string, args ...any) (all []T, err error) {
	err = s.call(ctx, doing, func(ctx context.Context) error {
		all, err = collect[T](ctx, s.pool, statement, args...)
		return err
	})
	return all, err
}

// find is one call that reads the only row of a statement, or an error that wraps
// ErrNotFound and names what was looked for.
func find[T any](ctx context.Context, s *Store, doing, what, statement string, args ...any) (row T, err error) {
	err = s.call(ctx, doing, func(ctx context.Context) error {
		row, err = one[T](ctx, s.pool, statement, args...)
		if isNone(err) {
			return notFound(what)
		}
		return err
	})
	return row, err
}

// exec is one call that runs a statement and returns how many rows it changed.
func (s *Store) exec(ctx context.Context, doing, statement string, args ...any) (n int64, err error) {
	err = s.call(ctx, doing, func(ctx context.Context) error {
		tag, err := s.pool.Exec(ctx, statement, args...)
		n = tag.RowsAffected()
		return err
	})
	return n, err
}

// isNone reports that a query for one row found none.
func isNone(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

func notFound(what string) error { return fmt.Errorf("%.200q: %w", what, incident.ErrNotFound) }
