package incidentd

import (
	"context"
	"slices"
	"time"

	"github.com/theriac/theriac/quarantine"
)

const (
	// trailOverlap is how many numbers of the audit are looked at again: what is committed later may have
	// a lower one.
	trailOverlap = 200
	// trailMost bounds what a bridge that was away for long reads at once.
	trailMost = 50_000
)

// trail is how far the quarantine's audit was told of.
type trail struct {
	// from is when a new bridge begins: it knows older acts, and tells nobody of them.
	from time.Time
	// newest is the highest number that was told of, 0 for none; done are those within the overlap.
	newest int64
	done   map[int64]bool
}

// fresh returns the rows of the audit that were not told of yet, oldest first.
func (b *bridge) fresh(ctx context.Context) ([]quarantine.AuditRow, error) {
	t := &b.trail
	for limit := bridgePage; ; limit *= 4 {
		rows, err := b.room.Audit(ctx, "", limit)
		if err != nil {
			return nil, err
		}
		whole := len(rows) < limit || t.reaches(rows[len(rows)-1])
		if !whole && limit > trailMost {
			b.log.WarnContext(ctx, "incidents do not hear of the oldest of what was decided while nobody told", "read", len(rows))
		}
		if whole || limit > trailMost {
			rows = slices.DeleteFunc(rows, func(r quarantine.AuditRow) bool { return t.done[r.N] || r.N <= t.newest-trailOverlap })
			slices.Reverse(rows)
			return rows, nil
		}
	}
}

// reaches reports whether everything before a row was told of, or need not be.
func (t *trail) reaches(row quarantine.AuditRow) bool {
	if t.newest == 0 {
		return row.Decision.At.Before(t.from)
	}
	return row.N <= t.newest-trailOverlap
}

// tells reports whether a row is to be told of, and not only known.
func (t *trail) tells(row quarantine.AuditRow) bool { return !row.Decision.At.Before(t.from) }

// note remembers that a row was told of.
func (t *trail) note(row quarantine.AuditRow) {
	if t.done == nil {
		t.done = map[int64]bool{}
	}
	t.done[row.N] = true
	t.newest = max(t.newest, row.N)
}

// forget drops what the overlap has passed.
func (t *trail) forget() {
	for n := range t.done {
		if n <= t.newest-trailOverlap {
			delete(t.done, n)
		}
	}
}

// acts tells of what people and the system did since the last look, oldest first: decisions about
// entries go to the incident that has them, orders about the flow of messages to all that are open.
func (b *bridge) acts(ctx context.Context, now time.Time) error {
	// What is in force is read first, so that its acts are among the rows of the audit.
	inForce, err := b.room.Controls(ctx)
	if err != nil {
		return err
	}
	rows, err := b.fresh(ctx)
	if err != nil {
		return err
	}
	b.shown.begin(inForce, rows)
	for _, row := range rows {
		switch {
		case row.Control != "":
			err = b.order(ctx, row, inForce)
		case b.trail.tells(row):
			err = b.decision(ctx, row)
		}
		if err != nil {
			return err
		}
		b.trail.note(row)
	}
	b.trail.forget()
	if err := b.expiries(ctx, inForce); err != nil {
		return err
	}
	return b.standing(ctx, inForce, now)
}
