package incidentslack

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/incident"
)

// stands says how an incident stands after something was done to it.
func stands(inc *incident.Incident) string {
	return fmt.Sprintf("%s is %s now.", inc.Ref(), inc.Status)
}

func runDeclare(mode incident.Mode) func(context.Context, *turn, string, *args) (string, error) {
	return func(ctx context.Context, t *turn, _ string, a *args) (string, error) {
		return t.declare(ctx, incident.NewParams{Name: a.text(), Mode: mode})
	}
}

// declare makes an incident, once for each request.
func (t *turn) declare(ctx context.Context, p incident.NewParams) (string, error) {
	p.Keys = []incident.Key{incident.NewKey(t.r.key(), false)}
	inc, _, err := t.svc.Declare(ctx, t.by, p, incident.WithKey(t.r.key()), incident.CausedBy(t.r.ID, ""))
	if err != nil {
		return "", err
	}
	what := "is declared"
	if inc.Mode == incident.ModeTest {
		what = "is declared as a test: it pages nobody but you"
	}
	return fmt.Sprintf("%s %s: %s. Its channel follows.%s", inc.Ref(), what, escape(inc.Name, 200), t.linkTo(&inc)), nil
}

// linkTo is a link to the page of an incident, "" if there is none.
func (t *turn) linkTo(inc *incident.Incident) string {
	link := t.cfg.Link(inc)
	if !isLink(link) || strings.ContainsAny(link, "<>|") {
		return ""
	}
	return " <" + link + "|Open>"
}

func runUpdate(ctx context.Context, t *turn, ref string, a *args) (string, error) {
	return t.update(ctx, ref, incident.UpdateParams{Message: a.text()})
}

// update shares one.
func (t *turn) update(ctx context.Context, ref string, p incident.UpdateParams) (string, error) {
	inc, err := t.do(ctx, ref, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.ShareUpdate(act, p)
	})
	return fmt.Sprintf("Your update of %s is shared. %s", inc.Ref(), stands(&inc)), err
}

// active are the statuses that an update may set.
func active() []incident.Status {
	return []incident.Status{incident.Investigating, incident.Fixing, incident.Monitoring}
}

func runStatus(ctx context.Context, t *turn, ref string, a *args) (string, error) {
	if a.empty() {
		return t.show(ctx, ref)
	}
	if !t.person.Role.Allows(incident.Responder) {
		return "", incident.ErrNotAllowed
	}
	status := incident.Status(strings.ToLower(a.word()))
	if !slices.Contains(active(), status) {
		return "", sayf("%s is no status that an update can set: investigating, fixing, monitoring. Nothing was done.", escape(string(status), 40))
	}
	p := incident.UpdateParams{Message: a.text(), Status: status}
	if p.Message == "" {
		p.Message = "We are " + string(status) + "."
	}
	return t.update(ctx, ref, p)
}

// show says how an incident stands.
func (t *turn) show(ctx context.Context, ref string) (string, error) {
	inc, err := t.look(ctx, ref)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("*%s* %s%s\nStatus: %s, severity: %s, lead: %s", inc.Ref(), bare(inc.Name, 200), t.linkTo(&inc),
		inc.Status, orDash(escape(inc.Severity, 64)), orDash(escape(inc.Lead(), 64)))
	if inc.Summary != "" {
		text += "\n" + escape(inc.Summary, 500)
	}
	if u := inc.LastUpdate; u != nil {
		text += fmt.Sprintf("\nLast update %s: %s", u.At.UTC().Format("15:04 UTC"), escape(u.Message, 500))
	}
	for _, action := range inc.Actions {
		if action.State == incident.Outstanding && runes(text) < 2500 {
			text += "\n• " + escape(action.Text, 200) + " (" + orDash(escape(action.Owner, 64)) + ")"
		}
	}
	return text, nil
}

func runSeverity(ctx context.Context, t *turn, ref string, a *args) (string, error) {
	return t.severity(ctx, ref, a.word(), a.text())
}

func (t *turn) severity(ctx context.Context, ref, severity, reason string) (string, error) {
	inc, err := t.do(ctx, ref, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.ChangeSeverity(act, severity, reason)
	})
	return fmt.Sprintf("%s is %s now.", inc.Ref(), escape(inc.Severity, 64)), err
}

// runRole gives a role to somebody; "" reads which. Nobody takes a role from a third person by typing:
// that takes the form, which shows who has it.
func runRole(role string) func(context.Context, *turn, string, *args) (string, error) {
	return func(ctx context.Context, t *turn, ref string, a *args) (string, error) {
		of := role
		if of == "" {
			of = strings.ToLower(a.word())
		}
		person, err := t.one(ctx, a.name())
		if err == nil && person == "" {
			err = sayf("Say who: `me`, or a name with an @. Nothing was done.")
		}
		if err != nil {
			return "", err
		}
		note := a.text()
		inc, err := t.do(ctx, ref, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			if inc.Holder(of) == t.person.ID && person != t.person.ID && t.person.ID != "" {
				return inc.HandOver(act, of, t.person.ID, person, note)
			}
			return inc.AssignRole(act, of, person)
		})
		return held(&inc, of), err
	}
}

// held says who holds a role.
func held(inc *incident.Incident, role string) string {
	return fmt.Sprintf("%s: %s is %s now.", inc.Ref(), orDash(escape(inc.Holder(role), 64)), escape(role, 64))
}

func runEscalate(ctx context.Context, t *turn, ref string, a *args) (string, error) {
	people, err := t.people(ctx, a.names()...)
	if err != nil {
		return "", err
	}
	p := incident.EscalateParams{People: people}
	if len(people) == 0 {
		p.Path = a.word()
	}
	p.Reason = a.text()
	return t.escalate(ctx, ref, p)
}

func (t *turn) escalate(ctx context.Context, ref string, p incident.EscalateParams) (string, error) {
	inc, err := t.do(ctx, ref, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Escalate(act, p)
	})
	who := p.Path
	if who == "" {
		who = strings.Join(p.People, ", ")
	}
	return fmt.Sprintf("%s calls %s.", inc.Ref(), escape(who, 300)), err
}

func runAck(ctx context.Context, t *turn, ref string, _ *args) (string, error) {
	inc, err := t.incident(ctx, ref)
	if err != nil {
		return "", err
	}
	return t.ack(ctx, inc.ID, "")
}

// ack answers an escalation, "" for all that page.
func (t *turn) ack(ctx context.Context, id, escalation string) (string, error) {
	inc, err := t.save(ctx, id, t.r.key(), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Ack(act, escalation)
	})
	if err != nil {
		return "", err
	}
	if first := t.answeredFirst(&inc, escalation); first != nil {
		return fmt.Sprintf("%s has %s already; it is noted that you are here too.", escape(first.Name, 80), inc.Ref()), nil
	}
	if slices.ContainsFunc(inc.Escalations, func(e incident.Escalation) bool { return e.State == incident.Paging && !e.NotifyOnly }) {
		return fmt.Sprintf("You have %s. It still calls people for another reason: `%s ack %s` answers that, too.", inc.Ref(), t.cfg.Command, inc.Ref()), nil
	}
	return fmt.Sprintf("You have %s. Nobody else is called.", inc.Ref()), nil
}

// answeredFirst is who answered before the person did, nil where nobody else had. Of several escalations it
// is about the latest that the person answered: what others answered before is not what they were called for.
func (t *turn) answeredFirst(inc *incident.Incident, escalation string) *incident.Actor {
	is := func(a incident.Actor) bool { return a.Kind == incident.ByPerson && a.ID == t.person.ID }
	for _, e := range slices.Backward(inc.Escalations) {
		first := e.AckedBy
		switch {
		case escalation != "" && e.ID != escalation:
		case first != nil && is(*first):
			return nil
		case slices.ContainsFunc(e.Also, is):
			return first
		}
	}
	return nil
}

func runInvite(ctx context.Context, t *turn, ref string, a *args) (string, error) {
	people, err := t.people(ctx, a.names()...)
	if err == nil && (len(people) == 0 || !a.empty()) {
		err = sayf("Say whom, each with an @: `%s invite @ana @ben`. Nothing was done.", t.cfg.Command)
	}
	if err != nil {
		return "", err
	}
	inc, err := t.do(ctx, ref, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		var all []incident.Event
		for _, person := range people {
			evs, err := inc.Join(act, person, incident.Collaborator)
			if err != nil {
				return nil, err
			}
			if all = append(all, evs...); len(evs) > 0 {
				act.Key = "" // it is spent
			}
		}
		return all, nil
	})
	return fmt.Sprintf("%s takes part in %s.", escape(strings.Join(people, ", "), 300), inc.Ref()), err
}

func runAction(ctx context.Context, t *turn, ref string, a *args) (string, error) {
	owner, err := t.one(ctx, a.owner())
	if err != nil {
		return "", err
	}
	return t.action(ctx, ref, a.text(), owner)
}

func (t *turn) action(ctx context.Context, ref, text, owner string) (string, error) {
	inc, err := t.do(ctx, ref, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.AddAction(act, text, owner)
	})
	return "It is an action of " + inc.Ref() + ".", err
}

func runFollowUp(ctx context.Context, t *turn, ref string, a *args) (string, error) {
	owner, err := t.one(ctx, a.owner())
	if err != nil {
		return "", err
	}
	return t.followUp(ctx, ref, incident.FollowUp{Text: a.text(), Owner: owner})
}

func (t *turn) followUp(ctx context.Context, ref string, f incident.FollowUp) (string, error) {
	inc, err := t.do(ctx, ref, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.AddFollowUp(act, f)
	})
	return "It is a follow-up of " + inc.Ref() + ".", err
}

// shownLines is how many lines of a timeline are shown.
const shownLines = 10

func runTimeline(ctx context.Context, t *turn, ref string, a *args) (string, error) {
	if a.empty() {
		return t.timeline(ctx, ref)
	}
	if !t.person.Role.Allows(incident.Responder) {
		return "", incident.ErrNotAllowed
	}
	text := a.text()
	inc, err := t.do(ctx, ref, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.AddItem(act, text, time.Time{})
	})
	return "It stands in the timeline of " + inc.Ref() + ".", err
}

// timeline shows the latest lines.
func (t *turn) timeline(ctx context.Context, ref string) (string, error) {
	inc, err := t.look(ctx, ref)
	if err != nil {
		return "", err
	}
	page, err := t.stores.Events(ctx, incident.EventFilter{IncidentID: inc.ID, AfterSeq: max(inc.Seq-100, 0), Limit: 1000})
	if err != nil {
		return "", err
	}
	var lines []string
	for _, e := range incident.AsEdited(page.Events) {
		if trait, ok := incident.TraitOf(e.Type); ok && trait.Timeline && !e.Type.IsEdit() {
			lines = append(lines, e.OccurredAt.UTC().Format("15:04")+"  "+escape(incident.Line(e), 250))
		}
	}
	lines = lines[max(len(lines)-shownLines, 0):]
	return strings.Join(append([]string{"*" + inc.Ref() + "*, times in UTC" + t.linkTo(&inc)}, lines...), "\n"), nil
}

func runRequestUpdate(ctx context.Context, t *turn, ref string, a *args) (string, error) {
	person, err := t.one(ctx, a.name())
	if err != nil {
		return "", err
	}
	inc, err := t.do(ctx, ref, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.RequestUpdate(act, person)
	})
	return "An update of " + inc.Ref() + " is asked for.", err
}

func runSummary(ctx context.Context, t *turn, ref string, a *args) (string, error) {
	text := a.text()
	if text == "" {
		return t.show(ctx, ref)
	}
	inc, err := t.do(ctx, ref, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Edit(act, incident.EditParams{Summary: &text})
	})
	return inc.Ref() + " has a new summary.", err
}

// withReason makes a command of a verb that takes a reason.
func withReason(verb func(*incident.Incident, incident.Act, string) ([]incident.Event, error)) func(context.Context, *turn, string, *args) (string, error) {
	return func(ctx context.Context, t *turn, ref string, a *args) (string, error) {
		reason := a.text()
		inc, err := t.do(ctx, ref, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return verb(inc, act, reason)
		})
		return stands(&inc), err
	}
}

func runResume(ctx context.Context, t *turn, ref string, _ *args) (string, error) {
	inc, err := t.do(ctx, ref, (*incident.Incident).Resume)
	return stands(&inc), err
}

func runResolve(ctx context.Context, t *turn, ref string, a *args) (string, error) {
	return t.resolve(ctx, ref, a.text())
}

func (t *turn) resolve(ctx context.Context, ref, message string) (string, error) {
	inc, err := t.do(ctx, ref, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.Resolve(act, incident.ResolveParams{Message: message})
	})
	return stands(&inc), err
}

// runMerge takes one reference, the target, or two: the reference that was read first is the source if
// another follows.
func runMerge(ctx context.Context, t *turn, ref string, a *args) (string, error) {
	if strings.EqualFold(a.next(), "into") {
		a.word()
	}
	into := a.ref()
	if into == "" {
		ref, into = "", ref
	}
	if into == "" {
		return "", sayf("Say into which: `%s merge INC-41`, in the channel of the other one. Nothing was done.", t.cfg.Command)
	}
	return t.merge(ctx, ref, into, a.text())
}

// merge ends one incident in favour of another, both of which the person may see.
func (t *turn) merge(ctx context.Context, ref, into, reason string) (string, error) {
	source, err := t.incident(ctx, ref)
	if err != nil {
		return "", err
	}
	target, err := t.incident(ctx, into)
	if err != nil {
		return "", err
	}
	_, _, err = t.svc.Merge(ctx, source.ID, target.ID, t.by, reason, incident.WithKey(t.r.key()), incident.CausedBy(t.r.ID, ""))
	if _, final := words(err); err != nil && final {
		if done, lookErr := happened(ctx, t.stores, source.ID, t.r.key()); lookErr != nil || done {
			err = lookErr
		}
	}
	return fmt.Sprintf("%s lives on in %s.", source.Ref(), target.Ref()), err
}
