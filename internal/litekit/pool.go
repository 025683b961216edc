package litekit

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"sync"
)

// Pool is connections with the statements that were prepared on them. It is safe for concurrent use.
type Pool struct {
	DB *sql.DB

	mu         sync.Mutex
	statements map[string]*sql.Stmt // nil: none is kept
}

// NewPool returns a pool whose statements are prepared anew in each transaction: right for a store
// whose statements are many texts, composed for a query.
func NewPool(db *sql.DB) *Pool { return &Pool{DB: db} }

// NewKeepingPool returns a pool that keeps each statement which a transaction prepared: right for a
// store whose statements are few texts.
func NewKeepingPool(db *sql.DB) *Pool { return &Pool{DB: db, statements: make(map[string]*sql.Stmt)} }

// Close closes the statements and the connections.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, s := range p.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, p.DB.Close())...)
}

func (p *Pool) statement(text string) *sql.Stmt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.statements[text]
}

// keep prepares statements that were used once, for all that use them later. It is called outside of
// transactions, since the one connection of a writer is needed for it. Where it fails, they are prepared
// anew each time.
func (p *Pool) keep(ctx context.Context, texts []string) {
	for _, text := range texts {
		s, err := p.DB.PrepareContext(ctx, text)
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

// keepFresh keeps what a transaction prepared.
func (p *Pool) keepFresh(ctx context.Context, fresh map[string]*sql.Stmt) {
	if p.statements != nil && len(fresh) > 0 {
		p.keep(ctx, slices.Collect(maps.Keys(fresh)))
	}
}
