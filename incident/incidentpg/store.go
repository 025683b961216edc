package incidentpg

import (
	"context"
	"fmt"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/pgkit"
)

// Store is an [incident.Stores] in PostgreSQL. It is safe for concurrent use.
type Store struct {
	pool     *pgkit.Pool
	bell     *bell
	listener *listener
}

var _ incident.Stores = (*Store)(nil)

// Open connects to the store at a URL, "postgres://user:password@host/database", and
// checks its schema. It returns an error that wraps [incident.ErrSchema] if the schema
// is not the one of this program, [incident.ErrInvalid] for a URL or Options that are
// wrong, and [incident.ErrUnavailable] if the server cannot be reached. It never
// changes the schema, and shows the URL's password in no error.
func Open(ctx context.Context, url string, options Options) (*Store, error) {
	pool, err := pgkit.Open(ctx, options.kit(url))
	if err != nil {
		return nil, err
	}
	s, life := &Store{pool: pool}, context.WithoutCancel(ctx)
	s.bell = newBell(life, s.tell)
	s.listener = newListener(life, pool)
	return s, nil
}

// Close closes the connections. It waits for calls that run, and ends those that
// wait to be woken. Later calls return an error that wraps [incident.ErrUnavailable].
func (s *Store) Close() error {
	if !s.pool.Refuse() {
		return nil
	}
	s.listener.close()
	s.bell.close()
	s.pool.Close()
	return nil
}

// list is one call that reads all rows of a statement.
func list[T any](ctx context.Context, s *Store, doing, statement string, args ...any) (all []T, err error) {
	err = s.pool.Call(ctx, doing, func(ctx context.Context) error {
		all, err = pgkit.Collect[T](ctx, s.pool, statement, args...)
		return err
	})
	return all, err
}

// find is one call that reads the only row of a statement, or an error that wraps
// ErrNotFound and names what was looked for.
func find[T any](ctx context.Context, s *Store, doing, what, statement string, args ...any) (row T, err error) {
	err = s.pool.Call(ctx, doing, func(ctx context.Context) error {
		row, err = pgkit.One[T](ctx, s.pool, statement, args...)
		if pgkit.IsNone(err) {
			return notFound(what)
		}
		return err
	})
	return row, err
}

// exec is one call that runs a statement and returns how many rows it changed.
func (s *Store) exec(ctx context.Context, doing, statement string, args ...any) (n int64, err error) {
	err = s.pool.Call(ctx, doing, func(ctx context.Context) error {
		tag, err := s.pool.Exec(ctx, statement, args...)
		n = tag.RowsAffected()
		return err
	})
	return n, err
}

func notFound(what string) error { return fmt.Errorf("%.200q: %w", what, incident.ErrNotFound) }
