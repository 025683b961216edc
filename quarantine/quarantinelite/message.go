package quarantinelite

import (
	"context"
	"fmt"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/quarantine"
)

// messageRow is what is known of a message.
type messageRow struct {
	Failures int   `db:"failures"`
	Crashes  int   `db:"crashes"`
	Attempts int64 `db:"attempts"`
	Held     bool  `db:"held"`
}

// message returns the row of a message, which is made if there is none.
func (x *tx) message(identity [32]byte, sub, id string) (messageRow, error) {
	return litekit.One[messageRow](x, sqlMessageGet, identity[:], sub, blob(id))
}

// setMessage stores the row and marks it as changed.
func (x *tx) setMessage(identity [32]byte, m messageRow, change int64) error {
	_, err := x.Exec(sqlMessageSet, identity[:], m.Failures, m.Crashes, m.Attempts, m.Held, change)
	return err
}

// addAttempt stores an attempt as number n of its message, and drops the oldest.
func (x *tx) addAttempt(identity [32]byte, n int64, a handlers.Attempt) error {
	if _, err := x.Exec(sqlAttemptAdd, identity[:], n, quarantine.EncodeAttempt(a), quarantine.CrashedAt(a)); err != nil {
		return err
	}
	if n <= quarantine.AttemptsKept {
		return nil
	}
	_, err := x.Exec(sqlAttemptTrim, identity[:], n-quarantine.AttemptsKept)
	return err
}

// RecordAttempts implements [quarantine.Store].
func (s *Store) RecordAttempts(ctx context.Context, batch []quarantine.AttemptRecord) ([]handlers.Totals, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	totals := make([]handlers.Totals, len(batch))
	err := s.write(ctx, "record attempts", func(x *tx) error {
		change, err := x.next("change", 1)
		if err != nil {
			return err
		}
		for i, r := range batch {
			if totals[i], err = x.record(r, change); err != nil {
				return fmt.Errorf("message %q: %w", r.MessageID, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return totals, nil
}

func (x *tx) record(r quarantine.AttemptRecord, change int64) (handlers.Totals, error) {
	m, err := x.message(r.Identity, r.Subscription, r.MessageID)
	if err != nil {
		return handlers.Totals{}, err
	}
	before := handlers.Totals{Failures: m.Failures, Crashes: m.Crashes}
	if at := quarantine.CrashedAt(r.Attempt); at != 0 {
		if told, err := litekit.Value[bool](x, sqlAttemptDeath, r.Identity[:], at); err != nil || told {
			return before, err
		}
	}
	totals := quarantine.Count(before, r.Attempt.Outcome)
	m.Failures, m.Crashes = totals.Failures, totals.Crashes
	m.Attempts++
	if err := x.addAttempt(r.Identity, m.Attempts, r.Attempt); err != nil {
		return handlers.Totals{}, err
	}
	return totals, x.setMessage(r.Identity, m, change)
}

// blob is a text from outside as it is stored: never NULL.
func blob[T ~string | ~[]byte](s T) []byte { return append([]byte{}, s...) }
