package workflow

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
)

// caller makes one call: it looks again right before, finds who it is for, and hands it over.
type caller struct {
	d      Deps
	r      received
	step   levelStep
	target incident.Target
	key    string

	escalation incident.Escalation
	again      bool // an earlier attempt may have called
}

// refuse loads the incident again: nobody is called for what was answered, has ended or is too late.
func (c *caller) refuse(ctx context.Context) (string, error) {
	if c.r.late != "" {
		return c.r.late, nil
	}
	if err := c.d.again(ctx, &c.r.inc); err != nil {
		return "", err
	}
	var why string
	if c.escalation, why = c.step.find(&c.r.inc); why != "" {
		return why, nil
	}
	// What was slow until here may have made it too late.
	return c.d.late(c.r.ev, incident.PageMaxAge), nil
}

// told reports that the call is a message in the chat and not a page.
func (c *caller) told() bool {
	return c.target.Kind == incident.ToChannel || c.notifyOnly()
}

// notifyOnly asks the incident as it was loaded, which a probe does before refuse.
func (c *caller) notifyOnly() bool {
	for _, e := range c.r.inc.Escalations {
		if e.ID == c.step.escalation {
			return e.NotifyOnly
		}
	}
	return false
}

// probe looks for the message of a call that is one. A page is made again, since its key keeps it single;
// whoever makes it is told that it may be the second time.
func (c *caller) probe() func(context.Context) (incident.EffectEnd, bool, error) {
	return func(ctx context.Context) (incident.EffectEnd, bool, error) {
		if c.again = true; !c.told() {
			return incident.EffectEnd{}, false, nil
		}
		place, err := c.place(ctx)
		if err != nil || c.d.Chat == nil {
			return incident.EffectEnd{}, false, err
		}
		return c.d.findPost(place, c.key)(ctx)
	}
}

// do hands the call over.
func (c *caller) do(ctx context.Context) (incident.EffectEnd, error) {
	place, err := c.place(ctx)
	if err != nil {
		return incident.EffectEnd{}, err
	}
	if c.r.inc.Mode == incident.ModeTest && c.target.Kind != incident.ToPerson {
		// An escalation of a test names whoever asked for it, and nobody else.
		return incident.EffectEnd{Failed: true, Result: "a test calls only the person who asked"}, nil
	}
	page, err := c.page(ctx, place.Person)
	if err != nil {
		return incident.EffectEnd{}, Later(err, 0)
	}
	if c.told() {
		if c.d.Chat == nil {
			return incident.EffectEnd{}, neverf("there is no chat to tell %s in", c.target)
		}
		card := Card{Title: page.Title, Text: page.Text, Buttons: append(page.Buttons, c.d.open(&c.r.inc)...)}
		return c.d.post(ctx, Post{To: place, Key: c.key, Card: card})
	}
	if c.d.Notifier == nil {
		return incident.EffectEnd{}, neverf("there is nobody to call %s by", c.target)
	}
	return incident.EffectEnd{ExternalID: place.Person.ID}, c.d.Notifier.Page(ctx, page)
}

// place finds who a target is at the moment.
func (c *caller) place(ctx context.Context) (Place, error) {
	switch c.target.Kind {
	case incident.ToChannel:
		return Place{Channel: c.target.ID}, nil
	case incident.ToPerson:
		return c.d.place(ctx, "", c.target.ID)
	case incident.ToRotation:
		rules, err := c.d.rules(ctx)
		if err != nil {
			return Place{}, Later(err, 0)
		}
		person := rules.OnCall(c.target.ID, c.d.Now())
		if person == "" {
			return Place{}, neverf("nobody is on call by %.60q", c.target.ID)
		}
		return c.d.place(ctx, "", person)
	default:
		return Place{}, neverf("%.60q is nobody who can be called", c.target.String())
	}
}

// page says who is called, by which rule, and what came before. Of a private incident only those who
// may see it learn more than its number.
func (c *caller) page(ctx context.Context, p incident.Person) (Page, error) {
	rules, err := c.d.rules(ctx)
	if err != nil {
		return Page{}, err
	}
	inc := &c.r.inc
	to := audience{person: p.ID}
	if p.ID == "" {
		to = audience{channel: c.target.ID}
	}
	may, err := c.d.maySee(ctx, inc, to)
	if err != nil {
		return Page{}, err
	}
	page := Page{
		Call:  Call{Key: callKey(c.key), Target: c.target, Person: p},
		Title: mark(inc) + inc.Ref(), Ref: inc.Ref(), URL: c.d.Link(inc),
		Severity: inc.Severity, Rank: severityRank(rules, inc.Severity), Test: inc.Mode == incident.ModeTest, At: c.d.Now(),
		Again: c.again,
	}
	rule := fmt.Sprintf("Level %d of %d, round %d, of %s.", c.step.level, len(c.escalation.Levels), c.step.round, orElse(c.escalation.Path, "a call by name"))
	page.Buttons = c.buttons()
	if p.ID != "" && c.d.AckLink != nil {
		page.AckURL = c.d.AckLink(inc, c.step.escalation, p.ID)
	}
	hidden := Words{Title: page.Title, Text: "A private incident. " + rule}
	if inc.Visibility == incident.Private {
		page.Outside = &hidden
	}
	if !may {
		page.Text = hidden.Text
		return page, nil
	}
	page.Title = line(page.Title+" "+orElse(severityName(rules, inc.Severity), "no severity")+": "+inc.Name, 250)
	parts := []string{"For " + c.target.Words() + ". " + rule}
	if c.escalation.Reason != "" {
		parts = append(parts, "Because: "+line(c.escalation.Reason, 300))
	}
	if before := previous(c.escalation, c.step); before != "" {
		parts = append(parts, before)
	}
	page.Text = strings.Join(parts, "\n")
	return page, nil
}

// buttons answer a call that is a message.
func (c *caller) buttons() []Button {
	return []Button{{Text: "Ack", Action: ActAck, Value: c.r.inc.ID + "/" + c.step.escalation, Style: "primary"}}
}

// endCall ends one call at whoever calls, once for each way to end it. A call that is being made is
// waited for: what is ended before it began would go on.
func (d Deps) endCall(ctx context.Context, r received, e incident.Escalation, row incident.Effect, over bool) error {
	target, ok := targetOf(row.Key)
	if !ok || target.Kind == incident.ToChannel || d.Notifier == nil {
		return nil
	}
	switch {
	case row.State == incident.EffectClaimed && row.LeaseUntil.After(d.Now()):
		return handlers.Again(min(max(row.LeaseUntil.Sub(d.Now()), 100*time.Millisecond), 2*time.Second))
	case row.State == incident.EffectDone, row.State == incident.EffectClaimed, row.InDoubt, row.ExternalID == mayBe:
	default:
		return nil // nobody was called
	}
	person, err := d.called(ctx, target, row)
	if err != nil {
		return err
	}
	call := Call{Key: callKey(row.Key), Target: target, Person: person}
	way, end := "resolve", d.Notifier.Resolve
	if e.State == incident.Acked && !over {
		way, end = "ack", d.Notifier.Acknowledge
		if e.AckedBy != nil {
			call.By = line(who(*e.AckedBy), 80)
		}
	}
	return d.run(ctx, effect{
		key: "end:" + way + ":" + row.Key, incident: r.inc.ID, event: r.ev.ID, handler: escalationPageName, silent: true,
		do: func(ctx context.Context) (incident.EffectEnd, error) { return incident.EffectEnd{}, end(ctx, call) },
	})
}

// called returns who was called: of a rotation whoever had the turn then.
func (d Deps) called(ctx context.Context, target incident.Target, row incident.Effect) (incident.Person, error) {
	id := target.ID
	switch {
	case target.Kind == incident.ToRotation && row.State == incident.EffectDone:
		id = row.ExternalID
	case target.Kind == incident.ToRotation:
		rules, err := d.rules(ctx)
		if err != nil {
			return incident.Person{}, err
		}
		id = rules.OnCall(target.ID, row.Claimed)
	}
	p, err := d.stores().Person(ctx, id)
	return p, notFoundIsNil(err)
}

// neverRuns is the answer to a message that no version of its incident makes sense of.
func neverRuns(format string, args ...any) error {
	return handlers.Permanent(fmt.Errorf(format, args...))
}
