package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/theriac/theriac/incident"
)

const webhookDeliverName = "webhook.deliver"

// hookPrefix begins the keys of deliveries.
const hookPrefix = "hook:"

// HookKey is the key of the effect that brings an event to an endpoint.
func HookKey(endpoint, event string) string { return hookPrefix + endpoint + ":" + event }

// HookID is the id by which a receiver drops what it had before.
func HookID(event string) string { return "msg_" + event }

// hookPatience is how long a delivery is tried in all.
const hookPatience = 24 * time.Hour

// webhookDeliver brings every published event to the endpoints that want it. A delivery never ends in
// quarantine because an endpoint is down: its row keeps its own schedule, which effect.sweep serves, and
// says failed in the end.
func (d Deps) webhookDeliver() Registration {
	return Registration{
		Name: webhookDeliverName, Topic: incident.TopicEvents,
		Timeout: 15 * time.Second, MaxAge: hookPatience, Shed: ShedPause, Purge: PurgeAsk,
		Handler: d.onEvent(hookPatience, nil, d.onPublished),
	}
}

// hookWait returns how long to wait after an attempt, counted from 1: a minute at first, six hours at
// most.
func hookWait(attempt int) time.Duration {
	schedule := []time.Duration{
		time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour,
	}
	return schedule[min(max(attempt-1, 0), len(schedule)-1)]
}

// onPublished delivers to each endpoint that wants the event.
func (d Deps) onPublished(ctx context.Context, r received) error {
	if d.Webhooks == nil {
		return nil
	}
	rules, err := d.rules(ctx)
	if err != nil {
		return err
	}
	var all error
	for _, e := range rules.Endpoints {
		if !e.Off && wants(e.Types, r.ev.Type) {
			all = errors.Join(all, d.deliver(ctx, r, e))
		}
	}
	return all
}

// deliver sends one event to one endpoint.
func (d Deps) deliver(ctx context.Context, r received, e incident.Endpoint) error {
	key := HookKey(e.ID, r.ev.ID)
	row, err := d.stores().Effect(ctx, key)
	if notFoundIsNil(err) != nil {
		return err
	}
	// Its time has not come: the sweep brings the event again when it has.
	if err == nil && row.State == incident.EffectWaiting && row.NotBefore.After(d.Now()) {
		return nil
	}
	return d.run(ctx, effect{
		key: key, incident: r.inc.ID, event: r.ev.ID, handler: webhookDeliverName, silent: true,
		refuse: func(ctx context.Context) (string, error) {
			if r.late != "" {
				return r.late, nil
			}
			return "", d.again(ctx, &r.inc)
		},
		do: func(ctx context.Context) (incident.EffectEnd, error) {
			body, err := HookBody(&r.inc, r.ev, d.Link(&r.inc))
			if err != nil {
				return incident.EffectEnd{}, Never(err)
			}
			return incident.EffectEnd{}, d.Webhooks.Deliver(ctx, Delivery{Endpoint: e, ID: HookID(r.ev.ID), At: d.Now(), Body: body})
		},
		released: func(attempt int, err error) (time.Duration, error) {
			wait := hookWait(attempt)
			if _, after := outcomeOf(err); after > wait {
				wait = min(after, 6*time.Hour)
			}
			return wait, nil
		},
	})
}

// hookEvent is the body of a delivery: the envelope, and the fields of the incident that are public.
type hookEvent struct {
	Type     incident.EventType `json:"type"`
	Event    *incident.Event    `json:"event,omitempty"`
	EventID  string             `json:"event_id"`
	Incident hookIncident       `json:"incident"`
}

// hookIncident is what an endpoint is told of an incident. Of a private one it is the id.
type hookIncident struct {
	ID       string          `json:"id"`
	Ref      string          `json:"ref,omitempty"`
	Name     string          `json:"name,omitempty"`
	Status   incident.Status `json:"status,omitempty"`
	Severity string          `json:"severity,omitempty"`
	Type     string          `json:"type,omitempty"`
	Mode     incident.Mode   `json:"mode,omitempty"`
	Lead     string          `json:"lead,omitempty"`
	URL      string          `json:"url,omitempty"`
	Version  int64           `json:"version,omitempty"`
}

// HookBody is what an endpoint is sent of an event. Visibility is that of now, whatever it was when the event happened.
func HookBody(inc *incident.Incident, ev incident.Event, link string) ([]byte, error) {
	body := hookEvent{Type: ev.Type, EventID: ev.ID, Incident: hookIncident{ID: inc.ID}}
	if inc.Visibility != incident.Private && ev.Visibility != incident.Private {
		body.Event = &ev
		body.Incident = hookIncident{
			ID: inc.ID, Ref: inc.Ref(), Name: inc.Name, Status: inc.Status, Severity: inc.Severity, Type: inc.Type,
			Mode: inc.Mode, Lead: inc.Lead(), URL: link, Version: inc.Version,
		}
	}
	data, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", ev.ID, err)
	}
	return slices.Clip(data), nil
}
