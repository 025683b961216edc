package incidentlite

import (
	"context"

	"github.com/theriac/theriac/internal/litekit"
)

// tx is one transaction with one time.
type tx struct{ *litekit.Tx }

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

func (s *Store) within(ctx context.Context, p *litekit.Pool, f func(*tx) error) error {
	return litekit.Within(ctx, p, s.clock, func(t *litekit.Tx) error { return f(&tx{t}) })
}
