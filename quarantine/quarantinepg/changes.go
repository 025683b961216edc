package quarantinepg

import (
	"context"
	"math"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// changesBatch is about how many marks one call returns.
const changesBatch = 1000

// markRow is a row of change_list.sql.
type markRow struct {
	Subscription string `db:"subscription"`
	MessageID    []byte `db:"message_id"`
	Held         bool   `db:"held"`
	Failing      bool   `db:"failing"`
}

// boundRow is the row of change_bound.sql: where the snapshot ends, and the
// change at which a batch is full, or -1.
type boundRow struct {
	OldestRunning int64 `db:"oldest_running"`
	Next          int64 `db:"next"`
	Bound         int64 `db:"bound"`
}

// Changes implements [quarantine.Store]. The cursor is a transaction's number:
// everything below it was finished when it was read. Transactions commit in any
// order, so a cursor never passes the oldest that is still running, and what
// was committed above it is told again. Numbers from before a dump was restored
// elsewhere may lie in the future; they are told at the beginning only.
func (s *Store) Changes(ctx context.Context, since int64) (c quarantine.Changes, err error) {
	err = s.read(ctx, "read changes", func(x tx) error {
		c = quarantine.Changes{}
		bounds, err := collect[boundRow](x, sqlChangeBound, since, changesBatch)
		if err != nil {
			return err
		}
		b := bounds[0]
		upto := int64(math.MaxInt64)
		c.Cursor = b.OldestRunning
		if b.Bound >= 0 && b.Bound < b.OldestRunning {
			// All of one transaction are told together, or the rest would be skipped.
			upto, c.Cursor, c.More = b.Bound, b.Bound+1, true
		}
		rows, err := collect[markRow](x, sqlChangeList, since, upto, b.Next)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if m := r.mark(); since > 0 || m.Standing != handlers.StandingNew {
				c.Marks = append(c.Marks, m)
			}
		}
		c.Replays, err = values[string](x, sqlEntryWaiting)
		return err
	})
	if err != nil {
		return quarantine.Changes{}, err
	}
	return c, nil
}

func (r markRow) mark() quarantine.Mark {
	m := quarantine.Mark{Subscription: r.Subscription, MessageID: string(r.MessageID)}
	switch {
	case r.Held:
		m.Standing = handlers.StandingDecided
	case r.Failing:
		m.Standing = handlers.StandingFailing
	}
	return m
}
