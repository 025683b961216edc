package quarantinelite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/theriac/theriac/internal/sqlrows"
)

// tx is one transaction with one time. Each statement is prepared once in it.
type tx struct {
	ctx      context.Context // for the length of one call
	sql      *sql.Tx
	prepared map[string]*sql.Stmt
	now      time.Time
}

// write runs f in a transaction that nobody else writes beside.
func (s *Store) write(ctx context.Context, doing string, f func(*tx) error) error {
	if s.writer == nil {
		return classify(doing, errReadOnly)
	}
	return classify(doing, within(ctx, s.writer, f))
}

// read runs f on one state of the store.
func (s *Store) read(ctx context.Context, doing string, f func(*tx) error) error {
	return classify(doing, within(ctx, s.readers, f))
}

func within(ctx context.Context, db *sql.DB, f func(*tx) error) (err error) {
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = t.Rollback() }() // does nothing after a commit
	x := &tx{ctx: ctx, sql: t, prepared: make(map[string]*sql.Stmt), now: time.Now().UTC().Truncate(time.Microsecond)}
	if err := f(x); err != nil {
		return err
	}
	return t.Commit()
}

func (x *tx) prepare(statement string) (*sql.Stmt, error) {
	if p := x.prepared[statement]; p != nil {
		return p, nil
	}
	p, err := x.sql.PrepareContext(x.ctx, statement)
	if err == nil {
		x.prepared[statement] = p
	}
	return p, err
}

// exec runs a statement and returns how many rows it changed.
func (x *tx) exec(statement string, args ...any) (int64, error) {
	p, err := x.prepare(statement) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return 0, err
	}
	result, err := p.ExecContext(x.ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (x *tx) rows(statement string, args ...any) (*sql.Rows, error) {
	p, err := x.prepare(statement) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return nil, err
	}
	return p.QueryContext(x.ctx, args...)
}

// value reads one value of one row; a missing row is sql.ErrNoRows.
func value[T any](x *tx, statement string, args ...any) (v T, err error) {
	p, err := x.prepare(statement) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return v, err
	}
	err = p.QueryRowContext(x.ctx, args...).Scan(&v)
	return v, err
}

// values reads one column of all rows.
func values[T any](x *tx, statement string, args ...any) (all []T, err error) {
	rows, err := x.rows(statement, args...)
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

// next takes the next n numbers of a sequence and returns the last of them.
func (x *tx) next(sequence string, n int) (int64, error) {
	last, err := value[int64](x, sqlSequenceNext, sequence, n)
	if err != nil {
		return 0, fmt.Errorf("number the next %s: %w", sequence, err)
	}
	return last, nil
}

func collect[T any](x *tx, statement string, args ...any) ([]T, error) {
	return sqlrows.Collect[T](x.rows(statement, args...))
}
