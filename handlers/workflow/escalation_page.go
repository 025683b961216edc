package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/theriac/theriac/incident"
)

const escalationPageName = "escalation.page"

// escalationPage calls the people of a level that is due, and ends their calls when somebody answered
// or there is nothing to answer any more. Where nobody answered at all it tells the backup notifier.
func (d Deps) escalationPage() Registration {
	types := []incident.EventType{
		incident.EvLevelDue, incident.EvExhausted,
		incident.EvAcked, incident.EvEscCancelled, incident.EvEscResolved,
		incident.EvResolved, incident.EvDeclined, incident.EvMerged, incident.EvCanceled,
	}
	return Registration{
		Name: escalationPageName, Topic: incident.TopicEvents, Types: names(types...), Critical: true, Pipeline: true,
		Timeout: 15 * time.Second, MaxAge: incident.PageMaxAge, Shed: ShedNever, Purge: PurgeNever,
		Handler: d.onEvent(0, types, func(ctx context.Context, r received) error {
			switch r.ev.Type {
			case incident.EvLevelDue:
				r.late = d.late(r.ev, incident.PageMaxAge)
				return d.onLevelDue(ctx, r)
			case incident.EvExhausted:
				return d.onExhausted(ctx, r)
			default:
				return d.onAnswered(ctx, r)
			}
		}),
	}
}

// levelStep is one level of one round of one escalation.
type levelStep struct {
	escalation   string
	round, level int
}

// stepOf reads a step from the key of its event, level:{escalation}:{round}:{level}.
func stepOf(key string) (levelStep, bool) {
	parts := strings.Split(key, ":")
	if len(parts) != 4 || parts[0] != "level" {
		return levelStep{}, false
	}
	round, err1 := strconv.Atoi(parts[2])
	level, err2 := strconv.Atoi(parts[3])
	return levelStep{parts[1], round, level}, err1 == nil && err2 == nil && round > 0 && level > 0
}

// pageKey is the key of one call.
func (s levelStep) pageKey(t incident.Target) string {
	return fmt.Sprintf("page:%s:%d:%d:%s", s.escalation, s.round, s.level, t)
}

// find returns the escalation of a step, and why it calls nobody: "" if it does.
func (s levelStep) find(inc *incident.Incident) (incident.Escalation, string) {
	for _, e := range inc.Escalations {
		if e.ID != s.escalation {
			continue
		}
		switch {
		case s.level > len(e.Levels):
			return e, "the escalation has no such level"
		case e.State == incident.Acked && e.AckedBy != nil:
			return e, line(who(*e.AckedBy), 80) + " has answered"
		case e.State != incident.Paging:
			return e, "the escalation is " + string(e.State)
		case s.round != e.Round || s.level != e.Level:
			return e, "the escalation has moved on"
		case !inc.Status.Open():
			return e, "the incident is " + string(inc.Status)
		}
		return e, ""
	}
	return incident.Escalation{}, "the escalation is gone"
}

// onLevelDue calls everybody of the level, and notes the level as notified once one of them was.
func (d Deps) onLevelDue(ctx context.Context, r received) error {
	if r.ev.Key == "" {
		full, err := d.stored(ctx, r.ev)
		if err != nil {
			return err
		}
		r.ev = full
	}
	step, ok := stepOf(r.ev.Key)
	if !ok {
		return neverRuns("a level is due, and %.80q does not say which", r.ev.Key)
	}
	escalation, why := step.find(&r.inc)
	if step.level > len(escalation.Levels) {
		return d.skipped(ctx, effect{key: r.ev.Key, incident: r.inc.ID, event: r.ev.ID, handler: escalationPageName}, why)
	}
	var how []string
	var all error
	for _, target := range escalation.Levels[step.level-1].Targets {
		handed, err := d.call(ctx, r, step, target)
		if handed {
			how = append(how, target.String())
		}
		all = errors.Join(all, err)
	}
	if len(how) == 0 {
		return all
	}
	_, err := d.do(ctx, r.inc.ID, by(escalationPageName), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.LevelNotified(act, step.escalation, step.round, step.level, how)
	}, incident.CausedBy(r.ev.ID, ""))
	return errors.Join(all, err)
}

// call calls one target, once, and reports whether it was handed over, now or before.
func (d Deps) call(ctx context.Context, r received, step levelStep, target incident.Target) (handed bool, err error) {
	key := step.pageKey(target)
	c := &caller{d: d, r: r, step: step, target: target, key: key}
	err = d.run(ctx, effect{
		key: key, incident: r.inc.ID, event: r.ev.ID, handler: escalationPageName,
		refuse: c.refuse, probe: c.probe(), do: c.do,
		record: func(_ context.Context, end incident.EffectEnd) error {
			handed = true
			return nil
		},
	})
	return handed, err
}

// onAnswered ends the calls of all escalations that call nobody any more.
func (d Deps) onAnswered(ctx context.Context, r received) error {
	rows, err := d.stores().EffectList(ctx, r.inc.ID)
	if err != nil {
		return err
	}
	var all error
	for _, escalation := range r.inc.Escalations {
		over := !r.inc.Status.Open()
		if escalation.State == incident.Paging || (escalation.State == incident.Exhausted && !over) || escalation.NotifyOnly {
			continue
		}
		for _, row := range rows {
			if strings.HasPrefix(row.Key, "page:"+escalation.ID+":") {
				all = errors.Join(all, d.endCall(ctx, r, escalation, row, over))
			}
		}
	}
	if all != nil {
		return all
	}
	return d.endLeftOver(ctx, &r, escalationPageName, "end:", nil)
}

// targetOf reads the target from the key of a call.
func targetOf(key string) (incident.Target, bool) {
	parts := strings.SplitN(key, ":", 6)
	if len(parts) != 6 {
		return incident.Target{}, false
	}
	return incident.Target{Kind: incident.TargetKind(parts[4]), ID: parts[5]}, true
}

// callKey is a key as those who call take it: at most 255 characters.
func callKey(key string) string {
	if len(key) <= 255 {
		return key
	}
	return key[:230] + ":" + digest(key)
}

// previous says what came before a step, for people.
func previous(e incident.Escalation, step levelStep) string {
	var earlier []string
	for i := range step.level - 1 {
		for _, t := range e.Levels[i].Targets {
			if text := t.ID; !slices.Contains(earlier, text) {
				earlier = append(earlier, text)
			}
		}
	}
	if len(earlier) == 0 {
		return ""
	}
	return "Called before: " + line(strings.Join(earlier, ", "), 200) + "."
}
