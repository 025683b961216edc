package quarantinepg

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/pgkit"
	"github.com/theriac/theriac/quarantine"
)

const (
	changesBatch  = 1000   // about how many marks one call returns
	changesRecent = 10_000 // how many are told early while an old transaction runs
)

// markRow is a row of change_list.sql.
type markRow struct {
	Horizon      int64  `db:"horizon"`
	Found        bool   `db:"found"` // else there is nothing but the horizon
	Ended        bool   `db:"ended"` // the transaction that wrote it is below the horizon
	Changed      int64  `db:"changed"`
	Subscription string `db:"subscription"`
	MessageID    []byte `db:"message_id"`
	Decided      bool   `db:"decided"`
	Failing      bool   `db:"failing"`
	Suspect      bool   `db:"suspect"`
}

// Changes implements [quarantine.Store]. The cursor is a transaction's number:
// all below it had ended when it was read. It never passes the oldest that is
// still running, anywhere on the server; what was committed above it is told
// again. Numbers from before a dump was restored elsewhere may lie in the
// future; they are told at the beginning only.
func (s *Store) Changes(ctx context.Context, since int64) (quarantine.Changes, error) {
	since = max(since, 0)
	var rows []markRow
	var replays []string
	err := s.pool.Call(ctx, "read changes", func(ctx context.Context) error {
		var b pgx.Batch
		b.Queue(sqlChangeList, since, changesBatch, changesRecent).Query(pgkit.Into(&rows))
		b.Queue(sqlEntryWaiting).Query(func(found pgx.Rows) (err error) {
			replays, err = pgx.AppendRows([]string(nil), found, pgx.RowTo[string])
			return err
		})
		return s.pool.SendBatch(ctx, &b).Close()
	})
	if err != nil {
		return quarantine.Changes{}, err
	}
	c := quarantine.Changes{Cursor: rows[0].Horizon, Replays: replays}
	var ended, last int64
	seen := make(map[name]bool, len(rows))
	for _, r := range rows {
		if r.Ended {
			ended, last = ended+1, max(last, r.Changed)
		}
		if key := (name{r.Subscription, string(r.MessageID)}); r.Found && !seen[key] {
			seen[key] = true
			c.Marks = append(c.Marks, r.mark())
		}
	}
	if ended >= changesBatch {
		c.Cursor, c.More = last+1, true
	}
	return c, nil
}

// name is a message by the broker's words.
type name struct{ subscription, id string }

func (r markRow) mark() quarantine.Mark {
	m := quarantine.Mark{Subscription: r.Subscription, MessageID: string(r.MessageID), Suspect: r.Suspect}
	switch {
	case r.Decided:
		m.Standing = handlers.StandingDecided
	case r.Failing:
		m.Standing = handlers.StandingFailing
	}
	return m
}
