package incidentslack

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
)

// pressAck answers a page. Whoever has its message was called, so a private incident can be answered by
// somebody who does not see it. A viewer answers what they were called for themselves: its message may stand
// in a channel.
func pressAck(ctx context.Context, t *turn) (string, error) {
	id, escalation, ok := strings.Cut(t.r.Value, "/")
	if !ok || id == "" || escalation == "" {
		return "", errNotOurs
	}
	if !t.person.Role.Allows(incident.Responder) {
		called, err := t.called(ctx, id, escalation)
		if err != nil {
			return "", err
		}
		if !called {
			return "", incident.ErrNotAllowed
		}
	}
	return t.ack(ctx, id, escalation)
}

// called reports whether an escalation calls the person, by name or in a rotation.
func (t *turn) called(ctx context.Context, id, escalation string) (bool, error) {
	inc, err := t.stores.Get(ctx, id)
	if err != nil {
		return false, err
	}
	rules, err := t.svc.Settings(ctx)
	if err != nil {
		return false, err
	}
	isThem := func(target incident.Target) bool {
		rotates := func(r incident.Rotation) bool { return r.ID == target.ID && slices.Contains(r.People, t.person.ID) }
		return target.Kind == incident.ToPerson && target.ID == t.person.ID ||
			target.Kind == incident.ToRotation && slices.ContainsFunc(rules.Rotations, rotates)
	}
	return slices.ContainsFunc(inc.Escalations, func(e incident.Escalation) bool {
		return e.ID == escalation && slices.ContainsFunc(e.Levels, func(l incident.Level) bool { return slices.ContainsFunc(l.Targets, isThem) })
	}), nil
}

var errNotOurs error = &sayError{"This button carries a value that is not ours. Nothing was done."}

func pressJoin(ctx context.Context, t *turn) (string, error) {
	inc, err := t.pressed(ctx, t.r.Value, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Join(act, t.person.ID, incident.Worker)
	})
	return fmt.Sprintf("You work on %s. You are brought into its channel.", inc.Ref()), err
}

func pressSubscribe(ctx context.Context, t *turn) (string, error) {
	inc, err := t.pressed(ctx, t.r.Value, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Subscribe(act, t.person.ID, true)
	})
	return fmt.Sprintf("Updates of %s come to you.", inc.Ref()), err
}

func pressSnooze(ctx context.Context, t *turn) (string, error) {
	parts := strings.Split(t.r.Value, "/")
	if len(parts) != 3 {
		return "", errNotOurs
	}
	minutes, err := strconv.Atoi(parts[2])
	if err != nil {
		return "", errNotOurs
	}
	inc, err := t.pressed(ctx, parts[0], func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.SnoozeNudge(act, incident.NudgeKind(parts[1]), minutes)
	})
	return fmt.Sprintf("%s is not reminded of this for %d minutes.", inc.Ref(), minutes), err
}

func pressStop(ctx context.Context, t *turn) (string, error) {
	id, kind, ok := strings.Cut(t.r.Value, "/")
	if !ok {
		return "", errNotOurs
	}
	inc, err := t.pressed(ctx, id, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.StopNudge(act, incident.NudgeKind(kind))
	})
	return fmt.Sprintf("%s is not reminded of this any more.", inc.Ref()), err
}

// pressRestore ends the order under whose banner the button is.
func pressRestore(ctx context.Context, t *turn) (string, error) {
	version, err := strconv.ParseInt(t.r.Value, 10, 64)
	if err != nil || version <= 0 {
		return "", errNotOurs
	}
	if t.cfg.Controls == nil {
		return "Run `theriac shed normal` where you have the command line.", nil
	}
	return t.control(ctx, ControlOrder{By: t.by, Key: t.r.key(), Args: workflow.NothingShed, Ends: version})
}

// pressed runs the verb of a button, whose value names an incident.
func (t *turn) pressed(ctx context.Context, id string, verb incident.Verb) (incident.Incident, error) {
	if id == "" {
		return incident.Incident{}, errNotOurs
	}
	return t.do(ctx, id, verb)
}

// keepMessage writes a message into the timeline, at the time when it was written. It is the line that a
// pin would make, so that a message becomes one however it is marked.
func keepMessage(ctx context.Context, t *turn) (string, error) {
	text := cut(readable(t.r.Value), activityText)
	if strings.TrimSpace(text) == "" || t.r.MessageTS == "" {
		return "", sayf("This message has no text that could stand in a timeline. Nothing was done.")
	}
	inc, err := t.doOnce(ctx, "", itemKey(t.r.Channel, t.r.MessageTS), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.AddItem(act, text, timeOf(t.r.MessageTS))
	})
	return "It stands in the timeline of " + inc.Ref() + ".", err
}
