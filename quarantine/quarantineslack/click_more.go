package quarantineslack

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/quarantine"
)

// What a message offers beyond the group itself. Both are about more than the version of the
// group that the person saw, so who took it meanwhile does not stand in their way.

// pauseFor is how long a click pauses a subscription. What a click began in the night must not
// last until somebody remembers it.
const pauseFor = 30 * time.Minute

// declare opens the incident of a group.
func (n *Notifier) declare(ctx context.Context, i slackkit.Interaction, user User, v value) (slackkit.Answer, error) {
	g, gone, err := n.group(ctx, v)
	if err != nil || gone != "" {
		return answer(gone, i), err
	}
	d := Declaration{
		Request: request(i), User: i.User, Name: user.Name, Group: g,
		Title: n.render.title(quarantine.Entry{Title: g.Title, Reason: g.Reason}),
	}
	if n.cfg.Links != "" {
		d.Link = n.cfg.Links + "/g/" + g.Ref
	}
	got, err := n.cfg.Declare(ctx, d)
	if err != nil {
		return slackkit.Answer{}, err
	}
	return answer(declaredText(got), i), nil
}

func declaredText(d Declared) string {
	text := mark(d.Ref, nameMax) + " is declared."
	switch {
	case d.Refused != "":
		return mark(d.Refused, reasonMax)
	case d.Before:
		text = mark(d.Ref, nameMax) + " was declared before."
	}
	if d.Link != "" {
		text += " " + mark(d.Link, 2*reasonMax)
	}
	return text
}

// askPause opens the form that asks why a subscription is paused.
func (n *Notifier) askPause(ctx context.Context, i slackkit.Interaction, v value) (slackkit.Answer, error) {
	sub, gone, err := n.subscription(ctx, v)
	if err != nil || gone != "" {
		return answer(gone, i), err
	}
	if before, err := n.pausedBefore(ctx, sub); err != nil || before != "" {
		return answer(before, i), err
	}
	return slackkit.Answer{Modal: pauseForm(v, sub, i.Channel+" "+i.MessageTS)}, nil
}

// subscription is the one that a button is about, or that of its group. A text says that
// there is none.
func (n *Notifier) subscription(ctx context.Context, v value) (sub, gone string, err error) {
	if !strings.HasPrefix(v.Ref, subPrefix) {
		g, gone, err := n.group(ctx, v)
		return g.Subscription, gone, err
	}
	served, err := n.cfg.Service.Breakers(ctx)
	if err != nil {
		return "", "", err
	}
	for _, s := range served {
		if subRef(s.Name) == v.Ref {
			return s.Name, "", nil
		}
	}
	return "", "No living worker serves this subscription any more. Nothing was done.", nil
}

// pauseForm keeps which message it came from, where the person is answered: a form knows of none.
func pauseForm(v value, sub, message string) *slack.ModalViewRequest {
	return form(modalPause, v.String()+" "+message, "Pause", "Pause for "+minutes(pauseFor), "INC-42, its database is away",
		"Why is "+plain(sub, nameMax)+" to be paused?",
		"Nothing is lost; the backlog grows. It ends by itself, or by theriac resume.")
}

// pauseSub stops a subscription from pulling. The thread of the message hears of it. No group changed, so
// that is no part of what the notifier has to tell: it is said once, and the audit has it in any case.
func (n *Notifier) pauseSub(ctx context.Context, i slackkit.Interaction, user User, v value, message string) (slackkit.Answer, error) {
	reason, wrong := reasonOf(i)
	if wrong != "" {
		return answer(wrong, i), nil
	}
	sub, gone, err := n.subscription(ctx, v)
	if err != nil || gone != "" {
		return answer(gone, i), err
	}
	if before, err := n.pausedBefore(ctx, sub); err != nil || before != "" {
		return answer(before, i), err
	}
	c, err := n.cfg.Flow.ControlAct(ctx, quarantine.ControlAct{
		Verb: quarantine.ControlPause, Subscription: sub, For: pauseFor,
		Decision: decision(user, reason), Request: request(i),
	})
	switch {
	case errors.Is(err, quarantine.ErrDuplicate):
		return answer("This click was carried out already.", i), nil
	case err != nil:
		return refused(err, i)
	}
	text := mark(sub, nameMax) + " is paused."
	if p, ok := c.Pause(sub); ok {
		text = fmt.Sprintf("%s is paused until %s. Undo: %s", mark(sub, nameMax), clock(p.Until), resumeCommand(sub))
	}
	channel, ts, _ := strings.Cut(message, " ")
	a := slackkit.Answer{Text: text, Channel: channel}
	if p, ok := c.Pause(sub); ok && placeForm.MatchString(channel) && tsForm.MatchString(ts) {
		paused := event{at: p.Ordered.At, what: eventPaused, sub: sub, until: p.Until, by: p.Ordered.Actor, why: p.Ordered.Reason, n: 1}
		a.Reply = &slackkit.Reply{To: slackkit.Place{Channel: channel, TS: ts}, Message: n.render.thread("", []event{paused})}
	}
	return a, nil
}

// shellWord needs no quotes in any shell.
var shellWord = regexp.MustCompile(`^[\w][\w.-]{0,59}$`)

// resumeCommand is the command that ends a pause, with the name where that can be copied as it is.
func resumeCommand(sub string) string {
	if !shellWord.MatchString(sub) {
		return code("theriac resume")
	}
	return code("theriac resume " + sub)
}

// pausedBefore says who paused the subscription, "" if nobody did.
func (n *Notifier) pausedBefore(ctx context.Context, sub string) (string, error) {
	c, err := n.cfg.Flow.Controls(ctx)
	if err != nil {
		return "", err
	}
	p, ok := c.Pause(sub)
	if !ok {
		return "", nil
	}
	until := "somebody resumes it"
	if !p.Until.IsZero() {
		until = clock(p.Until)
	}
	return fmt.Sprintf("%s paused %s %s ago, until %s.", mark(p.Ordered.Actor.Name, nameMax), mark(sub, nameMax), age(p.Ordered.At, c.At), until), nil
}
