package incidentweb

import (
	"net/http"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/webkit"
)

// createBody is what a new incident is made of.
type createBody struct {
	Name          string                         `json:"name"`
	Summary       string                         `json:"summary"`
	Severity      string                         `json:"severity"`
	Type          string                         `json:"type"`
	Mode          incident.Mode                  `json:"mode"`
	Visibility    incident.Visibility            `json:"visibility"`
	GameDay       bool                           `json:"game_day"`
	Fields        map[string]incident.FieldValue `json:"fields"`
	ImpactStarted *time.Time                     `json:"impact_started"`
	Lead          string                         `json:"lead"`
	Quiet         bool                           `json:"quiet"`
	Triage        bool                           `json:"triage"`
}

func (b *createBody) params(key string) incident.NewParams {
	return incident.NewParams{
		Name: b.Name, Summary: b.Summary, Severity: b.Severity, Type: b.Type, Mode: b.Mode, Visibility: b.Visibility,
		GameDay: b.GameDay, Fields: b.Fields, ImpactStarted: moment(b.ImpactStarted), Lead: b.Lead, Quiet: b.Quiet,
		Keys: []incident.Key{incident.NewKey(key, false)},
	}
}

// create makes an incident: one transaction of the store, and nothing else that could fail. A key that
// made one before is answered with that one.
func (c *call) create() (answer, error) {
	key, err := c.key()
	if err == nil && key == "" {
		err = &incident.FieldError{Field: "Idempotency-Key", Problem: "it is required here: the same for every try of one request"}
	}
	if err != nil {
		return answer{}, err
	}
	if wait, ok := c.api.limiter.Allow(c.by.ID, c.api.Now()); !ok {
		p := webkit.Problemf(http.StatusTooManyRequests, "rate_limited", "this token makes too many incidents")
		p.RetryAfter = wait
		return answer{}, p
	}
	var b createBody
	if err := c.read(&b); err != nil {
		return answer{}, err
	}
	if b.Mode == incident.ModeRetrospective {
		return answer{}, &incident.FieldError{Field: "mode", Problem: "what is over is imported, not declared"}
	}
	if err := c.known("lead", b.Lead); err != nil {
		return answer{}, err
	}
	verb := c.api.svc.Declare
	if b.Triage {
		verb = c.api.svc.Report
	}
	inc, created, err := verb(c.ctx(), c.by, b.params(key), incident.CausedBy(c.cause(), traceparent(c.req)))
	if err != nil {
		return answer{}, err
	}
	ans := c.shown(inc)
	if !created {
		if ans, err = c.madeBefore(inc); err != nil {
			return answer{}, err
		}
	} else {
		ans.status = http.StatusCreated
	}
	ans.location = "/v1/incidents/" + inc.Ref()
	return ans, nil
}

// madeBefore answers with the incident that the key made, if it was this request that made it.
func (c *call) madeBefore(inc incident.Incident) (answer, error) {
	page, err := c.api.stores.Events(c.ctx(), incident.EventFilter{IncidentID: inc.ID, Limit: 1})
	if err != nil {
		return answer{}, err
	}
	for _, e := range page.Events {
		if err := c.sameRequest(e); err != nil {
			return answer{}, err
		}
	}
	return c.reveal(inc)
}
