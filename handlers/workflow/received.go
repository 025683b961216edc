package workflow

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
)

// received is an event with its incident as it stands now.
type received struct {
	ev  incident.Event
	inc incident.Incident
	// late says why its effect must not happen any more, "" for that it may.
	late string
}

// onEvent makes the handler of events of some types; none are all.
func (d Deps) onEvent(maxAge time.Duration, types []incident.EventType, fn func(ctx context.Context, r received) error) handlers.Handler {
	return handlers.HandlerFunc(func(ctx context.Context, m handlers.Message) error {
		if wanted := incident.EventType(m.Attributes[incident.AttrType]); wanted != "" && !wants(types, wanted) {
			return nil
		}
		ev, err := incident.ParseEnvelope(m.Data, m.Attributes)
		var unknown *incident.UnknownEventError
		switch {
		case errors.As(err, &unknown) && !wants(types, unknown.Type):
			return nil
		case errors.As(err, &unknown):
			return handlers.Permanent(fmt.Errorf("a later version wrote this, and shall read it: %w", err))
		case err != nil:
			return handlers.Undecodable(err)
		case !wants(types, ev.Type):
			return nil
		}
		r, err := d.receive(ctx, ev, maxAge)
		if err != nil || r.inc.Mode == incident.ModeRetrospective {
			return err
		}
		return judged(fn(ctx, r))
	})
}

// contendedWait is how long at most a handler waits before it comes again after others were first. Who lost
// together does not come together.
const contendedWait = time.Second

// judged marks what no repetition mends: what somebody else wrote is not what a verb takes, or the document
// is full. That others change an incident all the time is nobody's failure: the same alert a thousand times
// would look like a bad deployment, and open the breaker.
func judged(err error) error {
	switch {
	case errors.Is(err, incident.ErrInvalid), errors.Is(err, incident.ErrTooLarge):
		return handlers.Permanent(err)
	case errors.Is(err, incident.ErrContended):
		return handlers.Again(contendedWait/2 + rand.N(contendedWait/2))
	}
	return err
}

// wants reports whether a handler asked for a type.
func wants(types []incident.EventType, t incident.EventType) bool {
	return len(types) == 0 || slices.Contains(types, t)
}

// receive loads what belongs to an event: its incident, and of a private one the event itself, of which
// the message says only the id.
func (d Deps) receive(ctx context.Context, ev incident.Event, maxAge time.Duration) (received, error) {
	inc, err := d.stores().Get(ctx, ev.IncidentID)
	if errors.Is(err, incident.ErrNotFound) {
		return received{}, handlers.Permanent(fmt.Errorf("event %s is of an incident that is not there: %w", ev.ID, err))
	}
	if err != nil {
		return received{}, err
	}
	if ev.RecordedAt.IsZero() {
		if ev, err = d.stored(ctx, ev); err != nil {
			return received{}, err
		}
	}
	return received{ev: ev, inc: inc, late: d.late(ev, maxAge)}, nil
}

// stored returns an event as its store has it.
func (d Deps) stored(ctx context.Context, ev incident.Event) (incident.Event, error) {
	page, err := d.stores().Events(ctx, incident.EventFilter{IncidentID: ev.IncidentID, AfterSeq: ev.Seq - 1, Limit: 1})
	if err != nil {
		return ev, err
	}
	if len(page.Events) == 0 || page.Events[0].ID != ev.ID {
		return ev, handlers.Permanent(fmt.Errorf("event %s is not in the list of its incident", ev.ID))
	}
	return page.Events[0], nil
}

// late returns why an event comes too late, "" if it does not.
func (d Deps) late(ev incident.Event, maxAge time.Duration) string {
	now, age := d.Now(), d.Now().Sub(ev.RecordedAt)
	switch {
	case !ev.NotAfter.IsZero() && now.After(ev.NotAfter):
		return fmt.Sprintf("too late: it was to happen before %s", ev.NotAfter.UTC().Format(time.RFC3339))
	case maxAge > 0 && age > maxAge:
		return fmt.Sprintf("too late: it is %s old and the limit is %s", age.Round(time.Second), maxAge)
	default:
		return ""
	}
}

// again loads the incident once more, right before something reaches a person.
func (d Deps) again(ctx context.Context, inc *incident.Incident) error {
	fresh, err := d.stores().Get(ctx, inc.ID)
	if err == nil {
		*inc = fresh
	}
	return err
}

// rules returns the settings in force.
func (d Deps) rules(ctx context.Context) (*incident.Settings, error) { return d.Service.Settings(ctx) }

// person returns somebody by id. Somebody who left or whom nobody knows is never going to be reached.
func (d Deps) person(ctx context.Context, id string) (incident.Person, error) {
	p, err := d.stores().Person(ctx, id)
	switch {
	case errors.Is(err, incident.ErrNotFound):
		return p, neverf("nobody knows %.60q", id)
	case err != nil:
		return p, Later(err, 0)
	case p.Left(d.Now()):
		return p, neverf("%.60q has left", id)
	default:
		return p, nil
	}
}
