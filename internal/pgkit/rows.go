package pgkit

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// Querier is a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Collect reads all rows by column name.
func Collect[T any](ctx context.Context, q Querier, statement string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[T])
}

// Values reads one column of all rows; nil for none.
func Values[T any](ctx context.Context, q Querier, statement string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	return pgx.AppendRows([]T(nil), rows, pgx.RowTo[T])
}

// One reads the only row by column name; [IsNone] tells that there was none.
func One[T any](ctx context.Context, q Querier, statement string, args ...any) (T, error) {
	rows, err := q.Query(ctx, statement, args...)
	if err != nil {
		var none T
		return none, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
}

// Into returns what reads the rows of a queued query into all, by column name.
func Into[T any](all *[]T) func(pgx.Rows) error {
	return func(rows pgx.Rows) (err error) {
		*all, err = pgx.CollectRows(rows, pgx.RowToStructByName[T])
		return err
	}
}

// IsNone reports that a query for one row found none.
func IsNone(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

// Blob returns a text from outside as a bytea column takes it: never null.
func Blob[T ~string | ~[]byte](s T) []byte { return append([]byte{}, s...) }

// Column returns one column of many values, as unnest takes it.
func Column[T, C any](all []T, of func(T) C) []C {
	out := make([]C, len(all))
	for i, v := range all {
		out[i] = of(v)
	}
	return out
}

// Texts returns the values as a text column compares them.
func Texts[T ~string](values []T) []string {
	return Column(values, func(v T) string { return string(v) })
}

// TimeOf is a time as it was stored; null is no time.
func TimeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
