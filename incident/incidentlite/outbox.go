package incidentlite

import (
	"context"
	"slices"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/litekit"
)

const (
	// lease is how long a relay has what it took: it publishes and marks within that. So long waits what a
	// relay took that died.
	lease = 10 * time.Second
	// poll is how often one that waits looks.
	poll = 200 * time.Millisecond
	// batch is how many rows one transaction changes, a few milliseconds' worth. After it other processes
	// get a turn: they do not queue, they look every few milliseconds.
	batch = 100
	turn  = 5 * time.Millisecond
)

// pendingEvent is the row of event_pending.sql.
type pendingEvent struct {
	N          int64  `db:"n"`
	Stored     int64  `db:"stored_at"`
	Since      int64  `db:"pending_since"`
	Visibility string `db:"visibility"`
	Body       []byte `db:"body"`
}

// Unpublished implements [incident.Outbox]. An event that cannot be read, which only a damaged file
// has, is passed over; the audit finds it.
func (s *Store) Unpublished(ctx context.Context, limit int) ([]incident.Outgoing, error) {
	if pending, err := s.pending(ctx); err != nil || !pending {
		return nil, err
	}
	var people, chores []incident.Outgoing
	for limit > 0 {
		some, err := s.take(ctx, min(limit, batch))
		if err != nil && len(people)+len(chores) == 0 {
			return nil, err
		}
		people = append(people, outgoing(some.events, some.rows)...)
		chores = append(chores, outgoing(nil, some.chores)...)
		limit -= batch
		if err != nil || some.size() < batch { // the next call hears of it
			break
		}
		if limit > 0 {
			s.rest(ctx)
		}
	}
	return append(people, chores...), nil
}

// taken is what one transaction leases. chores are rows for which nobody waits.
type taken struct {
	events       []pendingEvent
	rows, chores []inboundRow
}

func (t taken) size() int { return len(t.events) + len(t.rows) + len(t.chores) }

// take leases what goes out next.
func (s *Store) take(ctx context.Context, limit int) (some taken, err error) {
	err = s.write(ctx, "take what is to be published", func(x *tx) error {
		if some, err = x.next(limit); err != nil {
			return err
		}
		return x.lease(some.events, slices.Concat(some.rows, some.chores))
	})
	return some, err
}

// next finds what is oldest of what people wait for, and fills the rest with chores, which have some
// places in any case.
func (x *tx) next(limit int) (some taken, err error) {
	now, places := litekit.Micros(x.Now), incident.ChorePlaces(limit)
	if some.events, err = litekit.Collect[pendingEvent](x, sqlEventPending, now, limit); err != nil {
		return some, err
	}
	if some.rows, err = litekit.Collect[inboundRow](x, sqlInboundPending, now, false, limit); err != nil {
		return some, err
	}
	free := max(places, limit-len(some.events)-len(some.rows))
	if some.chores, err = litekit.Collect[inboundRow](x, sqlInboundPending, now, true, free); err != nil {
		return some, err
	}
	some.events, some.rows = oldest(some.events, some.rows, limit-min(places, len(some.chores)))
	return some, nil
}

// rest lets other processes have a turn.
func (s *Store) rest(ctx context.Context) {
	timer := time.NewTimer(turn)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// oldest returns the oldest of both, at most limit together.
func oldest(events []pendingEvent, rows []inboundRow, limit int) ([]pendingEvent, []inboundRow) {
	e, r := 0, 0
	for e+r < limit && (e < len(events) || r < len(rows)) {
		if r == len(rows) || e < len(events) && events[e].Stored <= rows[r].Stored {
			e++
		} else {
			r++
		}
	}
	return events[:e], rows[:r]
}

func (x *tx) lease(events []pendingEvent, rows []inboundRow) error {
	until := litekit.Micros(x.Now.Add(lease))
	var ns []int64
	for _, e := range events {
		ns = append(ns, e.N)
	}
	if len(ns) > 0 {
		if _, err := x.Exec(sqlEventLease, until, list(ns)); err != nil {
			return err
		}
	}
	ns = nil
	for _, r := range rows {
		ns = append(ns, r.N)
	}
	if len(ns) == 0 {
		return nil
	}
	_, err := x.Exec(sqlInboundLease, until, list(ns))
	return err
}

// outgoing is what both are published as, the oldest first.
func outgoing(events []pendingEvent, rows []inboundRow) []incident.Outgoing {
	var out []incident.Outgoing
	for _, row := range events {
		e, err := incident.DecodeEvent(row.Body)
		if err != nil {
			continue
		}
		if row.Visibility == string(incident.Private) {
			e.Visibility = incident.Private
		}
		o := incident.Envelope(e)
		o.Stored, o.Since = litekit.TimeOf(row.Stored), litekit.TimeOf(row.Since)
		out = append(out, o)
	}
	for _, row := range rows {
		if in, err := row.inbound(); err == nil {
			out = append(out, in.Envelope())
		}
	}
	slices.SortStableFunc(out, func(a, b incident.Outgoing) int { return a.Stored.Compare(b.Stored) })
	return out
}

// pending reports whether there is something that nobody leased.
func (s *Store) pending(ctx context.Context) (some bool, err error) {
	err = s.read(ctx, "look for what is to be published", func(x *tx) (err error) {
		some, err = litekit.Value[bool](x, sqlPending, litekit.Micros(x.Now))
		return err
	})
	return some, err
}

// MarkPublished implements [incident.Outbox].
func (s *Store) MarkPublished(ctx context.Context, ids ...string) error {
	return s.inBatches(ctx, "mark as published", ids, func(x *tx, some string) error {
		if _, err := x.Exec(sqlEventMark, some); err != nil {
			return err
		}
		_, err := x.Exec(sqlInboundMark, some)
		return err
	})
}

// Republish implements [incident.Outbox].
func (s *Store) Republish(ctx context.Context, eventIDs ...string) error {
	return s.inBatches(ctx, "publish again", eventIDs, func(x *tx, some string) error {
		_, err := x.Exec(sqlEventRepublish, litekit.Micros(x.Now), some)
		return err
	})
}

// inBatches runs f for a few of the ids at a time, each in a transaction of its own.
func (s *Store) inBatches(ctx context.Context, doing string, ids []string, f func(x *tx, some string) error) error {
	for i, some := range slices.Collect(slices.Chunk(ids, batch)) {
		if i > 0 {
			s.rest(ctx)
		}
		if err := s.write(ctx, doing, func(x *tx) error { return f(x, list(some)) }); err != nil {
			return err
		}
	}
	return nil
}

// Wake implements [incident.Outbox]. It looks every 200 ms.
func (s *Store) Wake(ctx context.Context, patience time.Duration) error {
	over := time.NewTimer(patience)
	defer over.Stop()
	look := time.NewTicker(poll)
	defer look.Stop()
	for {
		if pending, err := s.pending(ctx); err != nil || pending {
			return err
		}
		select {
		case <-look.C:
		case <-over.C:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}
