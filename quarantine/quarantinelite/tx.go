package quarantinelite

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac/theriac/internal/litekit"
)

// tx is one transaction with one time.
type tx struct{ *litekit.Tx }

// write runs f in a transaction that nobody else writes beside.
func (s *Store) write(ctx context.Context, doing string, f func(*tx) error) error {
	if s.writer == nil {
		return classify(doing, litekit.ErrReadOnly)
	}
	return classify(doing, within(ctx, s.writer, f))
}

// read runs f on one state of the store.
func (s *Store) read(ctx context.Context, doing string, f func(*tx) error) error {
	return classify(doing, within(ctx, s.readers, f))
}

func within(ctx context.Context, p *litekit.Pool, f func(*tx) error) error {
	return litekit.Within(ctx, p, time.Now, func(t *litekit.Tx) error { return f(&tx{t}) })
}

// next takes the next n numbers of a sequence and returns the last of them.
func (x *tx) next(sequence string, n int) (int64, error) {
	last, err := litekit.Value[int64](x, sqlSequenceNext, sequence, n)
	if err != nil {
		return 0, fmt.Errorf("number the next %s: %w", sequence, err)
	}
	return last, nil
}
