package workflow

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
)

// row is a stored row as it came: a tick, or something from outside.
type row struct {
	id, kind string
	attrs    map[string]string
	body     []byte
	// stored is when it was stored, or published where the store does not say.
	stored time.Time
	// handled says that it was handled before: it comes once more.
	handled bool
}

// onRow makes the handler of rows of some kinds; none are all. Whatever the handler says in result is
// noted with the row.
func (d Deps) onRow(kinds []string, fn func(ctx context.Context, r row) (result string, err error)) handlers.Handler {
	return handlers.HandlerFunc(func(ctx context.Context, m handlers.Message) error {
		r := row{id: m.Attributes[incident.AttrID], kind: m.Attributes[incident.AttrKind], attrs: m.Attributes, body: m.Data, stored: m.PublishedAt}
		if len(kinds) > 0 && !slices.Contains(kinds, r.kind) {
			return nil
		}
		if r.id == "" {
			r.id = m.ID
		}
		if err := d.storedAt(ctx, &r); err != nil {
			return err
		}
		result, err := fn(ctx, r)
		if err != nil {
			return judged(err)
		}
		return d.handled(ctx, r, result)
	})
}

// storedAt asks the store since when it has a row, and whether that was handled: the broker's time is that
// of the relay, and may be much later. A row that the store does not know came by another way.
func (d Deps) storedAt(ctx context.Context, r *row) error {
	known, err := d.stores().Inbound(ctx, r.id)
	switch {
	case errors.Is(err, incident.ErrNotFound):
		return nil
	case err != nil:
		return err
	case !known.Stored.IsZero():
		r.stored = known.Stored
	}
	r.handled = !known.Handled.IsZero()
	return nil
}

// handled notes what became of a row.
func (d Deps) handled(ctx context.Context, r row, result string) error {
	err := d.stores().Handled(ctx, r.id, line(result, 200))
	if errors.Is(err, incident.ErrNotFound) {
		return nil
	}
	return err
}

// age is how old a row is. One without a time is new.
func (d Deps) age(r row) time.Duration {
	if r.stored.IsZero() {
		return 0
	}
	return d.Now().Sub(r.stored)
}

// earlyWait is how long at most a tick waits that came early, before it looks again.
const earlyWait = 10 * time.Second

// early makes a tick wait for the time that it was put out for, where that is still to come: the clock goes
// by the store's time and this process by its own, which may be behind. The next tick for the same time is
// minutes away. What is due later than the tick says is another tick's.
func (d Deps) early(r row, due time.Time) error {
	at, err := time.Parse(time.RFC3339Nano, r.attrs[incident.AttrAt])
	wait := due.Sub(d.Now())
	if err != nil || due.IsZero() || wait <= 0 || due.Truncate(time.Microsecond).After(at) {
		return nil
	}
	return handlers.Again(min(wait, earlyWait))
}

// onTick makes the handler of ticks of one kind that concern an incident. An incident that is not there
// any more, or never has effects, has nothing to tick for.
func (d Deps) onTick(kind string, fn func(ctx context.Context, r row, inc incident.Incident) (string, error)) handlers.Handler {
	return d.onRow([]string{kind}, func(ctx context.Context, r row) (string, error) {
		inc, err := d.stores().Get(ctx, r.attrs[incident.AttrIncident])
		switch {
		case errors.Is(err, incident.ErrNotFound):
			return "no such incident", nil
		case err != nil:
			return "", err
		case inc.Mode == incident.ModeRetrospective:
			return "retrospective", nil
		}
		return fn(ctx, r, inc)
	})
}
