package incidentslack

import (
	"context"
	"time"

	"github.com/theriac/theriac/incident"
)

func submitDeclare(ctx context.Context, t *turn, m meta, v values) (string, error) {
	p := incident.NewParams{Name: v.text(inName), Summary: v.text(inSummary), Severity: v.text(inSeverity)}
	if v.ticked(inPrivate) {
		p.Visibility = incident.Private
	}
	if m.Test {
		p.Mode = incident.ModeTest
	}
	return t.declare(ctx, p)
}

func submitAccept(ctx context.Context, t *turn, m meta, v values) (string, error) {
	p := incident.AcceptParams{Name: unlessShown(m.Name, v.text(inName)), Severity: unlessShown(m.Severity, v.text(inSeverity)), Quiet: v.ticked(inQuiet)}
	inc, err := t.do(ctx, m.Incident, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Accept(act, p)
	})
	return stands(&inc), err
}

func submitDecline(ctx context.Context, t *turn, m meta, v values) (string, error) {
	inc, err := t.do(ctx, m.Incident, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Decline(act, v.text(inReason))
	})
	return stands(&inc), err
}

func submitMerge(ctx context.Context, t *turn, m meta, v values) (string, error) {
	if v.text(inInto) == "" {
		return "", errNotOurs
	}
	return t.merge(ctx, m.Incident, v.text(inInto), v.text(inReason))
}

func submitUpdate(ctx context.Context, t *turn, m meta, v values) (string, error) {
	p := incident.UpdateParams{
		Message: v.text(inMessage), Status: incident.Status(unlessShown(m.Status, v.text(inStatus))), Severity: unlessShown(m.Severity, v.text(inSeverity)),
	}
	switch next := v.text(inNext); next {
	case "", "default":
	case "none":
		p.NextIn = -1
	default:
		in, err := time.ParseDuration(next)
		if err != nil || in <= 0 {
			return "", errNotOurs
		}
		p.NextIn = in
	}
	return t.update(ctx, m.Incident, p)
}

func submitEscalate(ctx context.Context, t *turn, m meta, v values) (string, error) {
	people, err := t.people(ctx, v.people(inPeople)...)
	if err != nil {
		return "", err
	}
	return t.escalate(ctx, m.Incident, incident.EscalateParams{Path: v.text(inPath), People: people, Reason: v.text(inReason)})
}

// submitRole gives a role to somebody, from whoever held it when the form was opened. If another holds
// it by now that one is named, and nothing is done.
func submitRole(ctx context.Context, t *turn, m meta, v values) (string, error) {
	role := v.text(inRole)
	person, err := t.one(ctx, v.person(inPerson))
	if err != nil {
		return "", err
	}
	seen := m.Holders[role]
	inc, err := t.do(ctx, m.Incident, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		if seen == "" || seen == person {
			return inc.AssignRole(act, role, person)
		}
		return inc.HandOver(act, role, seen, person, v.text(inReason))
	})
	return held(&inc, role), err
}

func submitSeverity(ctx context.Context, t *turn, m meta, v values) (string, error) {
	return t.severity(ctx, m.Incident, v.text(inSeverity), v.text(inReason))
}

func submitResolve(ctx context.Context, t *turn, m meta, v values) (string, error) {
	return t.resolve(ctx, m.Incident, v.text(inMessage))
}

func submitAction(ctx context.Context, t *turn, m meta, v values) (string, error) {
	owner, err := t.one(ctx, v.person(inOwner))
	if err != nil {
		return "", err
	}
	return t.action(ctx, m.Incident, v.text(inText), owner)
}

func submitFollowUp(ctx context.Context, t *turn, m meta, v values) (string, error) {
	owner, err := t.one(ctx, v.person(inOwner))
	if err != nil {
		return "", err
	}
	f := incident.FollowUp{Text: v.text(inText), Owner: owner, Priority: v.text(inPriority)}
	if due := v.text(inDue); due != "" {
		if f.Due, err = time.Parse(time.DateOnly, due); err != nil {
			return "", errNotOurs
		}
	}
	return t.followUp(ctx, m.Incident, f)
}
