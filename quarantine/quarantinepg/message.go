package quarantinepg

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// identity is the key of a message.
type identity = [32]byte

// tally is what a run of attempts changes in the totals of one message.
type tally struct {
	quarantine.AttemptRecord                 // the first of them
	reset                    bool            // it begins with a success
	added                    handlers.Totals // since then
	after                    handlers.Totals // as stored, with added
}

// step is one attempt of a batch in its tally.
type step struct {
	tally *tally
	added handlers.Totals // by the tally's attempts up to this one
}

// totals are those of the message after the attempt.
func (s step) totals() handlers.Totals {
	after, whole := s.tally.after, s.tally.added
	return handlers.Totals{
		Failures: after.Failures - whole.Failures + s.added.Failures,
		Crashes:  after.Crashes - whole.Crashes + s.added.Crashes,
	}
}

// RecordAttempts implements [quarantine.Store]. It costs one round trip.
func (s *Store) RecordAttempts(ctx context.Context, batch []quarantine.AttemptRecord) ([]handlers.Totals, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	steps, rounds := tallies(batch)
	keys := column(batch, func(r quarantine.AttemptRecord) []byte { return r.Identity[:] })
	bodies := column(batch, func(r quarantine.AttemptRecord) []byte { return quarantine.EncodeAttempt(r.Attempt) })
	err := s.call(ctx, "record attempts", func(ctx context.Context) error {
		var b pgx.Batch // the server runs a batch as one transaction
		for _, round := range rounds {
			queueTallies(&b, round)
		}
		queueAttempts(&b, keys, bodies)
		return s.pool.SendBatch(ctx, &b).Close()
	})
	if err != nil {
		return nil, err
	}
	return column(steps, step.totals), nil
}

// tallies sums a batch up. One statement can change a message once, so a message
// that succeeds after it failed needs a second round; the first has every message.
func tallies(batch []quarantine.AttemptRecord) (steps []step, rounds [][]*tally) {
	type position struct {
		tally *tally
		round int
	}
	current := make(map[identity]position)
	for _, r := range batch {
		at, ok := current[r.Identity]
		success := r.Attempt.Outcome == handlers.OutcomeOK
		if next := ok && success && at.tally.added != (handlers.Totals{}); next || !ok {
			if next {
				at.round++
			}
			at.tally = &tally{AttemptRecord: r}
			current[r.Identity] = at
			if at.round == len(rounds) {
				rounds = append(rounds, nil)
			}
			rounds[at.round] = append(rounds[at.round], at.tally)
		}
		at.tally.reset = at.tally.reset || success
		at.tally.added = quarantine.Count(at.tally.added, r.Attempt.Outcome)
		steps = append(steps, step{at.tally, at.tally.added})
	}
	return steps, rounds
}

// queueTallies adds a round to the stored totals and learns what they are then.
func queueTallies(b *pgx.Batch, round []*tally) {
	byIdentity := make(map[identity]*tally, len(round))
	resets := [][]byte{}
	for _, t := range round {
		byIdentity[t.Identity] = t
		if t.reset {
			resets = append(resets, t.Identity[:])
		}
	}
	b.Queue(sqlMessageCount,
		column(round, func(t *tally) []byte { return t.Identity[:] }),
		column(round, func(t *tally) string { return t.Subscription }),
		column(round, func(t *tally) []byte { return blob(t.MessageID) }),
		column(round, func(t *tally) int { return t.added.Failures }),
		column(round, func(t *tally) int { return t.added.Crashes }),
		resets,
	).Query(func(rows pgx.Rows) error {
		var key []byte
		var after handlers.Totals
		_, err := pgx.ForEachRow(rows, []any{&key, &after.Failures, &after.Crashes}, func() error {
			byIdentity[identity(key)].after = after
			return nil
		})
		return err
	})
}

// queueAttempts stores encoded attempts in their order and drops what is too much.
func queueAttempts(b *pgx.Batch, keys, bodies [][]byte) {
	if len(keys) > 0 {
		b.Queue(sqlAttemptAdd, keys, bodies)
		b.Queue(sqlAttemptTrim, keys, quarantine.AttemptsKept)
	}
}

// blob is a text from outside as it is stored: never NULL.
func blob[T ~string | ~[]byte](s T) []byte { return append([]byte{}, s...) }

// column returns one column of many values, as unnest takes it.
func column[T, C any](all []T, of func(T) C) []C {
	out := make([]C, len(all))
	for i, v := range all {
		out[i] = of(v)
	}
	return out
}
