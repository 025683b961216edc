package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
)

// pagerAnswer is what a pager said of a call: which, and who answered.
type pagerAnswer struct{ call, by string }

// parsePagerDuty reads a webhook of PagerDuty (v3). One that answers no call has no call. The incident that
// PagerDuty makes of an event has the event's dedup_key, which is the call's key, as its incident_key.
func parsePagerDuty(body []byte) (pagerAnswer, error) {
	var in struct {
		Event struct {
			Type  string `json:"event_type"`
			Agent struct {
				Summary string `json:"summary"`
			} `json:"agent"`
			Data struct {
				Key string `json:"incident_key"`
			} `json:"data"`
		} `json:"event"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return pagerAnswer{}, fmt.Errorf("%s: %w", sourcePagerDuty, err)
	}
	switch in.Event.Type {
	case "incident.acknowledged", "incident.resolved":
		return pagerAnswer{call: in.Event.Data.Key, by: line(in.Event.Agent.Summary, 80)}, nil
	case "":
		return pagerAnswer{}, fmt.Errorf("%s: event.event_type is missing", sourcePagerDuty)
	default:
		return pagerAnswer{}, nil
	}
}

// onPagerAnswer stops an escalation that somebody answered at the pager. That we told the pager ourselves
// of an answer comes back as well, and changes nothing.
func (d Deps) onPagerAnswer(ctx context.Context, source incident.Source, r row) (string, error) {
	answer, err := parsePagerDuty(r.body)
	if err != nil {
		return "", handlers.Undecodable(err)
	}
	parts := strings.Split(answer.call, ":")
	if len(parts) < 2 || parts[0] != "page" || line(answer.call, 300) != answer.call {
		return "no answer to a call of ours", nil
	}
	call, err := d.stores().Effect(ctx, answer.call)
	if err != nil || call.IncidentID == "" {
		return "no call of ours", notFoundIsNil(err)
	}
	by := incident.Actor{Kind: incident.ByAlert, ID: source.ID, Name: orElse(answer.by, source.ID), Role: incident.Responder}
	answered := false
	inc, err := d.do(ctx, call.IncidentID, by, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		waits := slices.ContainsFunc(inc.Escalations, func(e incident.Escalation) bool {
			return e.ID == parts[1] && (e.State == incident.Paging || e.State == incident.Exhausted)
		})
		if answered = waits; !waits {
			return nil, nil
		}
		return inc.Ack(act, parts[1])
	}, incident.WithKey("answer:"+r.id), incident.CausedBy(r.id, ""))
	if err != nil {
		return "", notFoundIsNil(err)
	}
	if !answered {
		return inc.Ref() + " had an answer", nil
	}
	return inc.Ref() + " is answered", nil
}
