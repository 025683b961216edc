package quarantinelite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/litekit"
	"github.com/theriac/theriac/quarantine"
)

// changesBatch is about how many marks one call returns.
const changesBatch = 1000

// markRow is a row of change_list.sql.
type markRow struct {
	Subscription string `db:"subscription"`
	MessageID    []byte `db:"message_id"`
	Decided      bool   `db:"decided"`
	Failing      bool   `db:"failing"`
	Suspect      bool   `db:"suspect"`
}

// Changes implements [quarantine.Store]. The cursor is the number of the last
// change: writers stand in a row here, so numbers are committed in their order.
func (s *Store) Changes(ctx context.Context, since int64) (c quarantine.Changes, err error) {
	err = s.read(ctx, "read changes", func(x *tx) error {
		now, err := litekit.Value[int64](x, sqlChangeNow)
		if err != nil {
			return err
		}
		// All of one number are told together, or the rest would be skipped.
		c.Cursor, err = litekit.Value[int64](x, sqlChangeBound, since, changesBatch)
		if errors.Is(err, sql.ErrNoRows) {
			c.Cursor, err = now, nil
		}
		if err != nil {
			return err
		}
		c.More = c.Cursor < now
		rows, err := litekit.Collect[markRow](x, sqlChangeList, since, c.Cursor)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if m := r.mark(); since > 0 || m.Suspect || m.Standing != handlers.StandingNew {
				c.Marks = append(c.Marks, m)
			}
		}
		c.Replays, err = litekit.Values[string](x, sqlEntryWaiting)
		return err
	})
	if err != nil {
		return quarantine.Changes{}, err
	}
	return c, nil
}

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
