package litekit

import (
	"context"
	"database/sql"
	"time"

	"github.com/theriac/theriac/internal/sqlrows"
)

// Tx is one transaction with one time. Each statement is prepared once in it.
type Tx struct {
	// SQL is the transaction, for statements that are made for one call.
	SQL *sql.Tx
	// Now is its time, in the resolution that is kept.
	Now time.Time

	ctx   context.Context // for the length of one call
	pool  *Pool
	fresh map[string]*sql.Stmt // prepared in this transaction
}

// Querier is a [Tx], or a store's own type that embeds one.
type Querier interface{ self() *Tx }

func (x *Tx) self() *Tx { return x }

// Within runs f in a transaction at a time of the store's clock.
func Within(ctx context.Context, p *Pool, now func() time.Time, f func(*Tx) error) error {
	t, err := p.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = t.Rollback() }() // does nothing after a commit
	x := &Tx{SQL: t, Now: Kept(now()), ctx: ctx, pool: p, fresh: make(map[string]*sql.Stmt)}
	if err := f(x); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return err
	}
	p.keepFresh(ctx, x.fresh)
	return nil
}

func (x *Tx) prepare(text string) (*sql.Stmt, error) {
	if s := x.pool.statement(text); s != nil {
		return x.SQL.StmtContext(x.ctx, s), nil
	}
	if s := x.fresh[text]; s != nil {
		return s, nil
	}
	s, err := x.SQL.PrepareContext(x.ctx, text)
	if err == nil {
		x.fresh[text] = s
	}
	return s, err
}

// Exec runs a statement and returns how many rows it changed.
func (x *Tx) Exec(text string, args ...any) (int64, error) {
	s, err := x.prepare(text) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(x.ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Rows runs a query.
func (x *Tx) Rows(text string, args ...any) (*sql.Rows, error) {
	s, err := x.prepare(text) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return nil, err
	}
	return s.QueryContext(x.ctx, args...)
}

// Composed runs a query that is made for one call, and is not prepared for others.
func (x *Tx) Composed(text string, args ...any) (*sql.Rows, error) {
	return x.SQL.QueryContext(x.ctx, text, args...)
}

// Value reads one value of one row; a missing row is sql.ErrNoRows.
func Value[T any](q Querier, text string, args ...any) (v T, err error) {
	x := q.self()
	s, err := x.prepare(text) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return v, err
	}
	err = s.QueryRowContext(x.ctx, args...).Scan(&v)
	return v, err
}

// Values reads one column of all rows.
func Values[T any](q Querier, text string, args ...any) ([]T, error) {
	return Scan[T](q.self().Rows(text, args...))
}

// Scan reads one column of all rows, and closes them.
func Scan[T any](rows *sql.Rows, err error) (all []T, _ error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err says why it ended
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// Collect reads all rows by column name.
func Collect[T any](q Querier, text string, args ...any) ([]T, error) {
	return sqlrows.Collect[T](q.self().Rows(text, args...))
}

// One reads the only row by column name; a missing row is sql.ErrNoRows.
func One[T any](q Querier, text string, args ...any) (T, error) {
	return sqlrows.One[T](q.self().Rows(text, args...))
}

// Kept is a time in the resolution that is kept.
func Kept(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// Micros is how times are stored; 0 is no time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// TimeOf is the inverse of [Micros].
func TimeOf(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
