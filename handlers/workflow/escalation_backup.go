package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
)

// Alarm is what the backup notifier is told. All texts but Key come from outside in part.
type Alarm struct {
	// Key is that of its effect, Ref names the incident.
	Key, Ref string
	// Title is one line; Detail says what to do about it.
	Title, Detail string
	At            time.Time
}

// onExhausted tells the backup notifier that everybody was called in every round and nobody answered. It
// is told however late that is, as long as it is true; an escalation that calls nobody by itself, and a
// test, end here.
func (d Deps) onExhausted(ctx context.Context, r received) error {
	if d.Backup == nil {
		return nil
	}
	data, err := incident.DataOf[incident.DataEscalation](r.ev)
	if err != nil || data.ID == "" {
		return handlers.Permanent(errors.Join(err, fmt.Errorf("event %s does not say which escalation", r.ev.ID)))
	}
	if data.NotifyOnly || r.inc.Mode == incident.ModeTest {
		return nil
	}
	key := "backup:" + data.ID
	return d.run(ctx, effect{
		key: key, incident: r.inc.ID, event: r.ev.ID, handler: escalationPageName, silent: true,
		refuse: func(ctx context.Context) (string, error) {
			if err := d.again(ctx, &r.inc); err != nil {
				return "", err
			}
			return unanswered(&r.inc, data.ID), nil
		},
		do: func(ctx context.Context) (incident.EffectEnd, error) {
			return incident.EffectEnd{}, d.Backup(ctx, d.exhaustedAlarm(key, r))
		},
	})
}

// unanswered says why nobody need be told of an escalation any more, "" where somebody must.
func unanswered(inc *incident.Incident, escalation string) string {
	if !inc.Status.Open() {
		return "the incident is " + string(inc.Status)
	}
	for _, e := range inc.Escalations {
		if e.State == incident.Paging && !e.NotifyOnly {
			return "somebody is being called"
		}
	}
	if hasAnswer(inc, escalation) {
		return "somebody has answered"
	}
	return ""
}

// hasAnswer reports that somebody answered an escalation, in time or too late.
func hasAnswer(inc *incident.Incident, escalation string) bool {
	return slices.ContainsFunc(inc.Escalations, func(e incident.Escalation) bool {
		return e.ID == escalation && (e.AckedBy != nil || len(e.Also) > 0)
	})
}

// exhaustedAlarm is the same for everybody who hears it, so that a private incident is a number.
func (d Deps) exhaustedAlarm(key string, r received) Alarm {
	inc := &r.inc
	a := Alarm{
		Key: key, Ref: inc.Ref(), At: r.ev.RecordedAt,
		Title:  "nobody answered: " + inc.Ref(),
		Detail: "Everybody was called, in every round. Answer, or escalate again.",
	}
	if inc.Visibility != incident.Private {
		a.Title = line(a.Title+" "+inc.Name, 200)
	}
	if link := d.Link(inc); link != "" {
		a.Detail += " " + link
	}
	return a
}
