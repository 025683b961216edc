package incidentd

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentclock"
	"github.com/theriac/theriac/internal/problem"
)

// health are the numbers of /v1/health: what is late, by the same questions that the watchdog asks, how long
// what was stored waits for the broker, when the clock ticked last, and what Slack said last. Each is there also where it is nothing.
func (s *site) health(ctx context.Context) (map[string]any, error) {
	findings, err := s.stores.Audit(ctx, incidentclock.DefaultLimits())
	if err != nil {
		return nil, err
	}
	now, err := s.stores.Now(ctx)
	if err != nil {
		return nil, err
	}
	late := map[string]int{}
	for _, kind := range []incident.FindingKind{
		incident.PagedWithoutIncident, incident.PageNotSent, incident.EscalationLate, incident.NoChannel, incident.NotPublished,
	} {
		late[string(kind)] = 0
	}
	for _, f := range findings {
		late[string(f.Kind)] += max(f.Count, 1)
	}
	waiting, err := s.stores.Audit(ctx, incident.AuditLimits{
		Alert: time.Hour, Page: time.Hour, Escalation: time.Hour, Channel: time.Hour, Publish: time.Nanosecond,
	})
	if err != nil {
		return nil, err
	}
	numbers := map[string]any{"late": late, "unpublished": 0, "relay_age_seconds": 0.0, "slack": s.slack.shown()}
	for _, f := range waiting {
		if f.Kind == incident.NotPublished {
			numbers["unpublished"], numbers["oldest_unpublished"] = f.Count, f.Since.UTC()
			numbers["relay_age_seconds"] = max(0, now.Sub(f.Since)).Round(time.Millisecond).Seconds()
		}
	}
	if numbers["last_tick"], numbers["tick_age_seconds"], err = s.lastTick(ctx, now); err != nil {
		return nil, err
	}
	numbers["major_incident_active"], err = s.majorActive(ctx)
	return numbers, err
}

// lastTick returns when a clock ticked last and how many seconds ago that is, nil where none ever did.
func (s *site) lastTick(ctx context.Context, now time.Time) (at, age any, err error) {
	last, err := incidentclock.LastTick(ctx, s.stores)
	if err != nil || last.IsZero() {
		return nil, nil, err
	}
	return last.UTC(), max(0, now.Sub(last)).Round(time.Millisecond).Seconds(), nil
}

// majorActive reports whether people work on a major incident that is no test, for those who must stop a demo
// or a deployment. A private one counts: that there is one is all that is told.
func (s *site) majorActive(ctx context.Context) (bool, error) {
	rules, err := s.service.Settings(ctx)
	if err != nil {
		return false, err
	}
	major := rules.Major()
	if len(major) == 0 {
		return false, nil
	}
	page, err := s.stores.List(ctx, incident.Filter{
		Stages: []incident.Stage{incident.StageActive, incident.StagePaused}, Severities: major,
		Modes: []incident.Mode{incident.ModeStandard}, Limit: 1,
	})
	return len(page.Incidents) > 0, err
}

// testWebhook sends an event that never happened to an endpoint.
func (s *site) testWebhook(ctx context.Context, endpoint string) error {
	body, err := json.Marshal(map[string]any{"type": "test", "event_id": "test"})
	if err != nil {
		return err
	}
	return s.deliver(ctx, endpoint, fmt.Sprintf("msg_test_%d", time.Now().UnixNano()), body)
}

// resendWebhook has an event delivered once more: its row is given back to the handler.
func (s *site) resendWebhook(ctx context.Context, endpoint, event string) error {
	key := workflow.HookKey(endpoint, event)
	row, err := s.stores.Effect(ctx, key)
	if err != nil {
		return err
	}
	e, err := s.eventOf(ctx, row.IncidentID, event)
	if err != nil {
		return err
	}
	inc, err := s.stores.Get(ctx, row.IncidentID)
	if err != nil {
		return err
	}
	body, err := workflow.HookBody(&inc, e, s.link(&inc))
	if err != nil {
		return err
	}
	return s.deliver(ctx, endpoint, workflow.HookID(event), body)
}

// eventOf returns an event of an incident by its id.
func (s *site) eventOf(ctx context.Context, incidentID, id string) (incident.Event, error) {
	for after := int64(0); ; {
		page, err := s.stores.Events(ctx, incident.EventFilter{IncidentID: incidentID, AfterSeq: after, Limit: 1000})
		if err != nil {
			return incident.Event{}, err
		}
		for _, e := range page.Events {
			if e.ID == id {
				return e, nil
			}
			after = e.Seq
		}
		if len(page.Events) == 0 {
			return incident.Event{}, fmt.Errorf("event %.60q: %w", id, incident.ErrNotFound)
		}
	}
}

// deliver sends a request to an endpoint while somebody waits for what it says. Whatever keeps it from taking
// the request is told as that, and refused: its 404 is no route of ours, and its being away not our store's.
func (s *site) deliver(ctx context.Context, endpoint, id string, body []byte) error {
	rules, err := s.service.Settings(ctx)
	if err != nil {
		return err
	}
	for _, e := range rules.Endpoints {
		if e.ID == endpoint {
			err := hooks{secretOf(s.environ)}.Deliver(ctx, workflow.Delivery{Endpoint: e, ID: id, At: time.Now(), Body: body})
			if err != nil {
				return problem.Errorf(problem.Refused, "endpoint %s did not take it: %s", endpoint, err.Error())
			}
			return nil
		}
	}
	return fmt.Errorf("endpoint %.60q: %w", endpoint, incident.ErrNotFound)
}
