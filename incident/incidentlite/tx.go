package incidentlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/theriac/theriac/internal/sqlrows"
)

// pool is a database with the statements that were prepared on it.
type pool struct {
	db *sql.DB

	mu         sync.Mutex
	statements map[string]*sql.Stmt
}

func newPool(db *sql.DB) *pool { return &pool{db: db, statements: make(map[string]*sql.Stmt)} }

func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, s := range p.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, p.db.Close())...)
}

func (p *pool) statement(text string) *sql.Stmt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.statements[text]
}

// keep prepares statements that were used once, for all that use them later. It is called outside of
// transactions, since the one connection of a writer is needed for it. Where it fails, they are prepared
// anew each time.
func (p *pool) keep(ctx context.Context, texts []string) {
	for _, text := range texts {
		s, err := p.db.PrepareContext(ctx, text)
		if err != nil {
			return
		}
		p.mu.Lock()
		old := p.statements[text]
		if old == nil {
			p.statements[text] = s
		}
		p.mu.Unlock()
		if old != nil {
			_ = s.Close() //nolint:sqlclosecheck // another was quicker; all others are closed with the pool
		}
	}
}

// tx is one transaction with one time.
type tx struct {
	ctx   context.Context // for the length of one call
	sql   *sql.Tx
	pool  *pool
	fresh map[string]*sql.Stmt // prepared in this transaction
	now   time.Time
}

// write runs f in a transaction that nobody else writes beside.
func (s *Store) write(ctx context.Context, doing string, f func(*tx) error) error {
	leave, err := s.turns.Enter(ctx)
	if err != nil {
		return classify(doing, err)
	}
	defer leave()
	return classify(doing, s.within(ctx, s.writer, f))
}

// read runs f on one state of the store.
func (s *Store) read(ctx context.Context, doing string, f func(*tx) error) error {
	return classify(doing, s.within(ctx, s.readers, f))
}

func (s *Store) within(ctx context.Context, p *pool, f func(*tx) error) error {
	t, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	x := &tx{ctx: ctx, sql: t, pool: p, fresh: make(map[string]*sql.Stmt), now: s.now()}
	if err := f(x); err != nil {
		_ = t.Rollback() // says nothing that err does not
		return err
	}
	if err := t.Commit(); err != nil {
		return err
	}
	if len(x.fresh) > 0 {
		var texts []string
		for text := range x.fresh {
			texts = append(texts, text)
		}
		p.keep(ctx, texts)
	}
	return nil
}

func (x *tx) prepare(text string) (*sql.Stmt, error) {
	if s := x.pool.statement(text); s != nil {
		return x.sql.StmtContext(x.ctx, s), nil
	}
	if s := x.fresh[text]; s != nil {
		return s, nil
	}
	s, err := x.sql.PrepareContext(x.ctx, text)
	if err == nil {
		x.fresh[text] = s
	}
	return s, err
}

// exec runs a statement and returns how many rows it changed.
func (x *tx) exec(text string, args ...any) (int64, error) {
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

func (x *tx) rows(text string, args ...any) (*sql.Rows, error) {
	s, err := x.prepare(text) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return nil, err
	}
	return s.QueryContext(x.ctx, args...)
}

// value reads one value of one row; a missing row is sql.ErrNoRows.
func value[T any](x *tx, text string, args ...any) (v T, err error) {
	s, err := x.prepare(text) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return v, err
	}
	err = s.QueryRowContext(x.ctx, args...).Scan(&v)
	return v, err
}

// values reads one column of all rows.
func values[T any](x *tx, text string, args ...any) ([]T, error) {
	return scan[T](x.rows(text, args...))
}

// composed reads one column of all rows of a statement that is made for one call.
func composed[T any](x *tx, text string, args ...any) ([]T, error) {
	return scan[T](x.sql.QueryContext(x.ctx, text, args...))
}

func scan[T any](rows *sql.Rows, err error) (all []T, _ error) {
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

func collect[T any](x *tx, text string, args ...any) ([]T, error) {
	return sqlrows.Collect[T](x.rows(text, args...))
}

func one[T any](x *tx, text string, args ...any) (T, error) {
	return sqlrows.One[T](x.rows(text, args...))
}
