package quarantinepg

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// identity is the key of a message.
type identity = [32]byte

// messageRow is what is known of a message, as message_lock.sql returns it.
type messageRow struct {
	Identity []byte `db:"identity"`
	Failures int32  `db:"failures"`
	Crashes  int32  `db:"crashes"`
	Attempts int64  `db:"attempts"`
	Held     bool   `db:"held"`
}

// name is a message by the broker's words.
type name struct{ subscription, id string }

// messages are rows under our lock, with the attempts to add to them.
type messages struct {
	rows map[identity]*messageRow

	// Attempts to store: the columns of attempt_add.sql.
	owners  [][]byte
	numbers []int64
	bodies  [][]byte
}

// lock locks the rows of messages, which are made if there are none, in the
// order of their identities.
func (x tx) lock(names map[identity]name) (*messages, error) {
	ids := slices.SortedFunc(maps.Keys(names), func(a, b identity) int { return bytes.Compare(a[:], b[:]) })
	keys, subs, msgs := make([][]byte, len(ids)), make([]string, len(ids)), make([][]byte, len(ids))
	for i, id := range ids {
		keys[i], subs[i], msgs[i] = id[:], names[id].subscription, blob(names[id].id)
	}
	m := &messages{rows: make(map[identity]*messageRow, len(ids))}
	var batch pgx.Batch
	batch.Queue(sqlMessageAdd, keys, subs, msgs)
	batch.Queue(sqlMessageLock, keys).Query(func(rows pgx.Rows) error {
		all, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[messageRow])
		for _, r := range all {
			m.rows[identity(r.Identity)] = r
		}
		return err
	})
	return m, x.send(&batch)
}

// attempted adds an attempt to a message.
func (m *messages) attempted(id identity, a handlers.Attempt) {
	row := m.rows[id]
	row.Attempts++
	m.owners = append(m.owners, row.Identity)
	m.numbers = append(m.numbers, row.Attempts)
	m.bodies = append(m.bodies, quarantine.EncodeAttempt(a))
}

// store queues what stores the rows, marks them as changed, and stores the
// attempts.
func (m *messages) store(batch *pgx.Batch) {
	n := len(m.rows)
	keys, failures, crashes := make([][]byte, 0, n), make([]int32, 0, n), make([]int32, 0, n)
	attempts, held := make([]int64, 0, n), make([]bool, 0, n)
	var long [][]byte
	for _, r := range m.rows {
		keys, failures, crashes = append(keys, r.Identity), append(failures, r.Failures), append(crashes, r.Crashes)
		attempts, held = append(attempts, r.Attempts), append(held, r.Held)
		if r.Attempts > quarantine.AttemptsKept {
			long = append(long, r.Identity)
		}
	}
	batch.Queue(sqlMessageSet, keys, failures, crashes, attempts, held)
	if len(m.owners) > 0 {
		batch.Queue(sqlAttemptAdd, m.owners, m.numbers, m.bodies)
	}
	if len(long) > 0 {
		batch.Queue(sqlAttemptTrim, long, quarantine.AttemptsKept)
	}
}

// RecordAttempts implements [quarantine.Store].
func (s *Store) RecordAttempts(ctx context.Context, batch []quarantine.AttemptRecord) ([]handlers.Totals, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	names := make(map[identity]name, len(batch))
	for _, r := range batch {
		names[r.Identity] = name{r.Subscription, r.MessageID}
	}
	totals := make([]handlers.Totals, len(batch))
	err := s.write(ctx, "record attempts", func(x tx) error {
		m, err := x.lock(names)
		if err != nil {
			return err
		}
		for i, r := range batch {
			row := m.rows[r.Identity]
			totals[i] = quarantine.Count(
				handlers.Totals{Failures: int(row.Failures), Crashes: int(row.Crashes)}, r.Attempt.Outcome)
			row.Failures, row.Crashes = int32(totals[i].Failures), int32(totals[i].Crashes)
			m.attempted(r.Identity, r.Attempt)
		}
		var out pgx.Batch
		m.store(&out)
		return x.send(&out)
	})
	if err != nil {
		return nil, err
	}
	return totals, nil
}

// addAttempt stores one attempt of a message.
func (x tx) addAttempt(id []byte, a handlers.Attempt) error {
	numbers, err := values[int64](x, sqlMessageAttempted, id)
	if err != nil {
		return fmt.Errorf("number the attempt: %w", err)
	}
	var batch pgx.Batch
	batch.Queue(sqlAttemptAdd, [][]byte{id}, numbers, [][]byte{quarantine.EncodeAttempt(a)})
	batch.Queue(sqlAttemptTrim, [][]byte{id}, quarantine.AttemptsKept)
	return x.send(&batch)
}

// blob is a text from outside as it is stored: never NULL.
func blob[T ~string | ~[]byte](s T) []byte { return append([]byte{}, s...) }
