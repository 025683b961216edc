package workflow

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/theriac/theriac/incident"
)

// Deps is what handlers work with. It is not changed once [All] was called.
type Deps struct {
	// Service does all verbs. Required.
	Service *incident.Service
	// Chat is where people talk, Notifier who calls them, Webhooks who carries deliveries, Tracker where
	// follow-ups become issues. One that is nil is not there: what needs it does not happen.
	Chat     Chat
	Notifier Notifier
	Webhooks Webhooks
	Tracker  Tracker
	// Backup is the notifier of last resort, told once when nobody answered a call. It goes by ways of its
	// own; that it is told more than once must do no harm. Errors are as with [Chat]. Nil: there is none.
	Backup func(ctx context.Context, a Alarm) error
	// Slack are the handlers of what people send from the chat. They are written with the words of that
	// chat, by whoever knows them.
	Slack []Registration
	// Link returns the address of an incident's page. Default: there is none.
	Link func(inc *incident.Incident) string
	// AckLink returns a link by which a person answers an escalation. Default: there is none.
	AckLink func(inc *incident.Incident, escalation, person string) string
	// Now is the clock that staleness is judged by. Default: time.Now
	Now func() time.Time
	// Logger hears of what nobody else is told. Default: nobody.
	Logger *slog.Logger
}

// withDefaults fills what may be missing.
func (d Deps) withDefaults() Deps {
	if d.Link == nil {
		d.Link = func(*incident.Incident) string { return "" }
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return d
}

// stores returns where everything is kept.
func (d Deps) stores() incident.Stores { return d.Service.Stores() }

// by is how a handler signs what it writes. People read who acted for nobody, programs which handler did.
func by(handler string) incident.Actor {
	return incident.Actor{Kind: incident.ByWorkflow, ID: handler, Name: "Theriac", Role: incident.Admin}
}

// do runs a verb for a handler. That it was done before is fine, and so is that the incident has moved
// on to where the verb has no place any more: the message comes late, and that is all.
func (d Deps) do(ctx context.Context, ref string, actor incident.Actor, verb incident.Verb, opts ...incident.Option) (incident.Incident, error) {
	inc, err := d.Service.Do(ctx, ref, actor, verb, opts...)
	var moved *incident.TransitionError
	switch {
	case errors.Is(err, incident.ErrDuplicate):
		return inc, nil
	case errors.As(err, &moved), errors.Is(err, incident.ErrRefused):
		d.Logger.InfoContext(ctx, "a verb came too late", "incident", ref, "handler", actor.ID, "err", err)
		fresh, getErr := d.stores().Get(ctx, ref)
		return fresh, getErr
	default:
		return inc, err
	}
}
