package quarantinepg

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/pgkit"
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

// RecordAttempts implements [quarantine.Store]. It costs one round trip, and two
// more where a death is among the attempts.
func (s *Store) RecordAttempts(ctx context.Context, batch []quarantine.AttemptRecord) (totals []handlers.Totals, err error) {
	if len(batch) == 0 {
		return nil, nil
	}
	const doing = "record attempts"
	if slices.ContainsFunc(batch, func(r quarantine.AttemptRecord) bool { return quarantine.CrashedAt(r.Attempt) != 0 }) {
		err = s.write(ctx, doing, func(x tx) error {
			told, err := x.deathsTold(batch)
			if err != nil {
				return err
			}
			var b pgx.Batch
			steps := queueRecords(&b, batch, told)
			err = x.send(&b)
			totals = pgkit.Column(steps, step.totals)
			return err
		})
	} else {
		err = s.pool.Call(ctx, doing, func(ctx context.Context) error {
			var b pgx.Batch // the server runs a batch as one transaction
			steps := queueRecords(&b, batch, nil)
			err := s.pool.SendBatch(ctx, &b).Close()
			totals = pgkit.Column(steps, step.totals)
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	return totals, nil
}

// queueRecords counts and stores attempts, but those that were told before.
func queueRecords(b *pgx.Batch, batch []quarantine.AttemptRecord, told map[int]bool) []step {
	var rows attemptColumns
	counted := slices.Clone(batch)
	for i, r := range batch {
		if told[i] {
			counted[i] = uncounted(r)
		} else {
			rows.add(r.Identity[:], r.Attempt)
		}
	}
	steps, rounds := tallies(counted)
	for _, round := range rounds {
		queueTallies(b, round)
	}
	queueAttempts(b, rows)
	return steps
}

// uncounted is a record that changes no total.
func uncounted(r quarantine.AttemptRecord) quarantine.AttemptRecord {
	r.Attempt.Outcome = handlers.OutcomeInterrupted
	return r
}

// death is one death of one message.
type death struct {
	identity identity
	at       int64
}

// deathRow is a row of attempt_deaths.sql.
type deathRow struct {
	Identity  []byte `db:"identity"`
	CrashedAt int64  `db:"crashed_at"`
}

// deathsTold returns the places in the batch of deaths that are stored already or
// stand there twice. The messages are locked before it is looked, in the order in
// which everybody locks them.
func (x tx) deathsTold(batch []quarantine.AttemptRecord) (map[int]bool, error) {
	var b pgx.Batch
	_, rounds := tallies(pgkit.Column(batch, uncounted))
	for _, round := range rounds {
		queueTallies(&b, round)
	}
	var rows []deathRow
	b.Queue(sqlAttemptDeaths, pgkit.Column(batch, func(r quarantine.AttemptRecord) []byte { return r.Identity[:] })).Query(pgkit.Into(&rows))
	if err := x.send(&b); err != nil {
		return nil, err
	}
	stored := make(map[death]bool)
	for _, r := range rows {
		stored[death{identity(r.Identity), r.CrashedAt}] = true
	}
	told := make(map[int]bool)
	for i, r := range batch {
		d := death{r.Identity, quarantine.CrashedAt(r.Attempt)}
		told[i] = stored[d]
		if d.at != 0 {
			stored[d] = true
		}
	}
	return told, nil
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
		pgkit.Column(round, func(t *tally) []byte { return t.Identity[:] }),
		pgkit.Column(round, func(t *tally) string { return t.Subscription }),
		pgkit.Column(round, func(t *tally) []byte { return pgkit.Blob(t.MessageID) }),
		pgkit.Column(round, func(t *tally) int { return t.added.Failures }),
		pgkit.Column(round, func(t *tally) int { return t.added.Crashes }),
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

// attemptColumns are the arguments of attempt_add.sql.
type attemptColumns struct {
	keys, bodies [][]byte
	deaths       []int64
}

func (c *attemptColumns) add(key []byte, a handlers.Attempt) {
	c.keys, c.bodies = append(c.keys, key), append(c.bodies, quarantine.EncodeAttempt(a))
	c.deaths = append(c.deaths, quarantine.CrashedAt(a))
}

// queueAttempts stores attempts in their order and drops what is too much.
func queueAttempts(b *pgx.Batch, rows attemptColumns) {
	if len(rows.keys) > 0 {
		b.Queue(sqlAttemptAdd, rows.keys, rows.bodies, rows.deaths)
		b.Queue(sqlAttemptTrim, rows.keys, quarantine.AttemptsKept)
	}
}
