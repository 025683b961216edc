package notifyfake

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// State is where an alert stands.
type State string

// The states of an alert.
const (
	Triggered    State = "triggered"
	Acknowledged State = "acknowledged"
	Resolved     State = "resolved"
)

// Alert is one that was opened.
type Alert struct {
	// Key is its dedup_key.
	Key   string
	State State
	// Actions are what was said of it, in order, the trigger that opened it first.
	Actions []string
	// First is the event that opened it.
	First Event
}

// Event is what PagerDuty is sent.
type Event struct {
	RoutingKey string  `json:"routing_key"`
	Action     string  `json:"event_action"`
	DedupKey   string  `json:"dedup_key"`
	Client     string  `json:"client"`
	ClientURL  string  `json:"client_url"`
	Links      []Link  `json:"links"`
	Payload    *Detail `json:"payload"`
}

// Link leads to a page.
type Link struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

// Detail is what an event says of a problem.
type Detail struct {
	Summary   string         `json:"summary"`
	Source    string         `json:"source"`
	Severity  string         `json:"severity"`
	Timestamp string         `json:"timestamp"`
	Component string         `json:"component"`
	Group     string         `json:"group"`
	Class     string         `json:"class"`
	Details   map[string]any `json:"custom_details"`
}

// PagerDuty is a running PagerDuty. All methods are safe for concurrent use.
type PagerDuty struct {
	Server
	keys []string

	// Under the lock of Server.
	alerts  []Alert
	dropped int
	made    int
}

// StartPagerDuty serves until Close. It takes events with one of keys.
func StartPagerDuty(ctx context.Context, keys ...string) (*PagerDuty, error) {
	p := &PagerDuty{keys: keys}
	if err := p.start(ctx, p.takeEvent); err != nil {
		return nil, err
	}
	return p, nil
}

// URL is where events are sent to.
func (p *PagerDuty) URL() string { return p.address() + "/v2/enqueue" }

// Alerts returns those that were opened, in order. Each of them paged somebody once.
func (p *PagerDuty) Alerts() []Alert {
	p.mu.Lock()
	defer p.mu.Unlock()
	alerts := slices.Clone(p.alerts)
	for i := range alerts {
		alerts[i].Actions = slices.Clone(alerts[i].Actions)
	}
	return alerts
}

// Dropped is how many events were about an alert that was not open, and had no effect.
func (p *PagerDuty) Dropped() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dropped
}

// takeEvent answers a request. The lock of Server is held.
func (p *PagerDuty) takeEvent(r Request) reply {
	switch {
	case r.Path != "/v2/enqueue":
		return reply{status: http.StatusNotFound}
	case r.Method != http.MethodPost:
		return reply{status: http.StatusMethodNotAllowed}
	}
	var e Event
	decoder := json.NewDecoder(bytes.NewReader(r.Body))
	if err := decoder.Decode(&e); err != nil || decoder.More() {
		return invalid("Unrecognized object", "Event object format is unrecognized", "JSON parse error")
	}
	if problems := p.check(e); len(problems) > 0 {
		return invalid("invalid event", "Event object is invalid", problems...)
	}
	if e.DedupKey == "" {
		p.made++
		e.DedupKey = fmt.Sprintf("%032d", p.made)
	}
	p.apply(e)
	return answer(http.StatusAccepted, map[string]any{
		"status": "success", "message": "Event processed", "dedup_key": e.DedupKey,
	})
}

// check returns what PagerDuty would object to.
func (p *PagerDuty) check(e Event) []string {
	var problems []string
	object := func(bad bool, text string) {
		if bad {
			problems = append(problems, text)
		}
	}
	switch {
	case e.RoutingKey == "":
		object(true, "'routing_key' is missing or blank")
	case len(e.RoutingKey) != 32:
		object(true, "Length of 'routing_key' is incorrect (should be 32 characters)")
	default:
		object(!slices.Contains(p.keys, e.RoutingKey), "Invalid routing key")
	}
	object(!slices.Contains([]string{"trigger", "acknowledge", "resolve"}, e.Action),
		"'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')")
	object(utf8.RuneCountInString(e.DedupKey) > 255, "'dedup_key' is too long (maximum 255 characters)")
	object(e.DedupKey == "" && e.Action != "trigger", "'dedup_key' is missing or blank")
	for _, link := range e.Links {
		object(!strings.HasPrefix(link.Href, "http://") && !strings.HasPrefix(link.Href, "https://"), "'links.href' is invalid")
	}
	if e.Payload == nil {
		object(e.Action == "trigger", "'payload' is missing")
		return problems
	}
	object(e.Payload.Summary == "", "'payload.summary' is missing or blank")
	object(utf8.RuneCountInString(e.Payload.Summary) > 1024, "'payload.summary' is too long (maximum 1024 characters)")
	object(e.Payload.Source == "", "'payload.source' is missing or blank")
	object(!slices.Contains([]string{"critical", "error", "warning", "info"}, e.Payload.Severity),
		"'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')")
	if at := e.Payload.Timestamp; at != "" {
		_, err := time.Parse(time.RFC3339Nano, at)
		object(err != nil, "'payload.timestamp' is invalid")
	}
	return problems
}

// apply lets an event have its effect on the newest alert of its key.
func (p *PagerDuty) apply(e Event) {
	open := -1
	for i, a := range p.alerts {
		if a.Key == e.DedupKey && a.First.RoutingKey == e.RoutingKey && a.State != Resolved {
			open = i
		}
	}
	switch {
	case open >= 0:
		a := &p.alerts[open]
		a.Actions = append(a.Actions, e.Action)
		switch e.Action {
		case "acknowledge":
			a.State = Acknowledged
		case "resolve":
			a.State = Resolved
		}
	case e.Action == "trigger":
		p.alerts = append(p.alerts, Alert{Key: e.DedupKey, State: Triggered, Actions: []string{e.Action}, First: e})
	default:
		p.dropped++
	}
}

func invalid(status, message string, problems ...string) reply {
	return answer(http.StatusBadRequest, map[string]any{"status": status, "message": message, "errors": problems})
}

func answer(status int, body map[string]any) reply {
	text, err := json.Marshal(body)
	if err != nil {
		return reply{status: http.StatusInternalServerError}
	}
	return reply{status: status, body: string(text)}
}
