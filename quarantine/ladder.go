package quarantine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// ladder brings a batch to something durable, step by step: the whole batch;
// halves of it until the bad record stands alone; that record without what a
// store could refuse; last, whatever the owner does (the spool, or an error).
// Trouble that is about the moment and not about the bytes goes straight to the
// last step, for the whole batch.
type ladder[T, R any] struct {
	doing string
	log   *slog.Logger
	away  *breather
	write func(ctx context.Context, batch []T) ([]R, error)
	bare  func(T) T
	last  func(batch []*job[T, R], cause error) // settles every job
}

func (l ladder[T, R]) flush(ctx context.Context, batch []*job[T, R]) {
	if l.away.on() {
		l.last(batch, fmt.Errorf("%s: %w: left alone for a moment, it did not answer in time", l.doing, ErrUnavailable))
		return
	}
	l.step(ctx, batch)
}

func (l ladder[T, R]) step(ctx context.Context, batch []*job[T, R]) {
	in := make([]T, len(batch))
	for i, j := range batch {
		in[i] = j.in
	}
	out, err := l.try(ctx, in)
	switch {
	case err == nil:
		for i, j := range batch {
			j.settle(out[i], nil)
		}
	case !refusesData(err):
		l.away.begin(err)
		l.last(batch, err)
	case len(batch) > 1: // one of them is bad; the others must not suffer
		l.step(ctx, batch[:len(batch)/2])
		l.step(ctx, batch[len(batch)/2:])
	default:
		l.withoutEvidence(ctx, batch[0], err)
	}
}

// withoutEvidence is the second step, for the one bad record.
func (l ladder[T, R]) withoutEvidence(ctx context.Context, j *job[T, R], cause error) {
	out, err := l.try(ctx, []T{l.bare(j.in)})
	if err != nil {
		l.last([]*job[T, R]{j}, errors.Join(cause, err))
		return
	}
	l.log.Warn("quarantine: stored without its evidence, which the store refused",
		"doing", l.doing, "result", out[0], "error", cause)
	j.settle(out[0], nil)
}

// try writes, and refuses an answer that does not fit the question.
func (l ladder[T, R]) try(ctx context.Context, in []T) ([]R, error) {
	out, err := l.write(ctx, in)
	if err == nil && len(out) != len(in) {
		err = fmt.Errorf("%s: the store answered %d of %d: %w", l.doing, len(out), len(in), ErrUnavailable)
	}
	return out, err
}

// refusesData reports whether err is about the bytes and not about the moment.
// Only what is known to be about the moment is taken for that: of anything else,
// a panic of the store included, halving finds the one record that causes it.
func refusesData(err error) bool {
	return !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrSchema) && !errors.Is(err, context.Canceled)
}

// breather keeps writers off a store that just let one wait in vain: the next
// ones would each wait as long, while the spool can take their records now. A
// store that fails at once is asked every time.
type breather struct {
	lasts time.Duration
	until atomic.Int64 // Unix ns
}

func (b *breather) begin(err error) {
	if errors.Is(err, context.DeadlineExceeded) {
		b.until.Store(time.Now().Add(b.lasts).UnixNano())
	}
}

func (b *breather) on() bool {
	until := b.until.Load()
	return until != 0 && time.Now().UnixNano() < until
}
