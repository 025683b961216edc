package incidentslack

import (
	"context"
	"errors"
	"time"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit"
)

const (
	// inPlaceLimit bounds what is done while Slack waits.
	inPlaceLimit = 1500 * time.Millisecond
	// noteLimit bounds the noting of it, so that a window still opens before its trigger expires.
	noteLimit = 500 * time.Millisecond
	// servedLimit bounds the look for a worker: nobody waits for that longer than Slack may.
	servedLimit = 200 * time.Millisecond
)

// What people are told when it did not go as usual.
const (
	laterText  = "This takes longer than usual. It was noted, and is done as soon as it can be."
	awayText   = "The window cannot be opened just now, since the store does not answer. Nothing was done. Try again."
	windowText = "The window could not be opened in time. Nothing was done. Try again."
	aloneText  = "It was noted, and not done yet: no worker is there just now. It is done as soon as one is back. " +
		"If that takes longer than 15 minutes you read so, and nothing is done."
)

// Handle answers what a person did, after [Intake.Accept] has kept it: it is a [slackkit.Handle]. It opens
// the window that is asked for, and declares and acknowledges in place, within 1.5 s, since both must work
// with every worker dead. What it did not come to, and all else, is done by the handlers of
// [Intake.Registrations], under the same keys; where no worker lives that could, the person reads that it waits.
func (in *Intake) Handle(ctx context.Context, i slackkit.Interaction) (slackkit.Answer, error) {
	if i.Type == slackkit.EventCallback || !in.Takes(i) {
		return slackkit.Answer{}, nil
	}
	r := newRequest(i)
	d := in.deed(r)
	switch d.how {
	case nothing:
		return slackkit.Answer{}, nil
	case later:
		return in.waiting(ctx, r), nil
	case aWindow, inPlace:
	}
	ctx, cancel := context.WithTimeout(ctx, inPlaceLimit)
	defer cancel()
	t, err := in.turn(ctx, r, d.least)
	if err == nil && d.how == aWindow {
		return in.opened(ctx, t, d)
	}
	text := ""
	if err == nil {
		text, err = d.run(ctx, t)
	}
	return in.answered(ctx, r, text, err, d.how), nil
}

// waiting answers what a handler will do: with nothing, since that tells what came of it, or that nobody is there
// to do it. What cannot be known is not said.
func (in *Intake) waiting(ctx context.Context, r request) slackkit.Answer {
	if in.cfg.Served == nil {
		return slackkit.Answer{}
	}
	handler := in.slackInteraction()
	if r.kind() == kindCommand {
		handler = in.slackCommand()
	}
	ctx, cancel := context.WithTimeout(ctx, servedLimit)
	defer cancel()
	served, err := in.cfg.Served(ctx, handler.Subscription())
	if err != nil {
		in.log.WarnContext(ctx, "whether a worker is there for a request is not known", "request", r.ID, "err", err)
	}
	if err != nil || served {
		return slackkit.Answer{}
	}
	return in.answer(r, aloneText)
}

// opened answers with the window. That it was asked for is noted first: nobody else is to say that it
// was not opened.
func (in *Intake) opened(ctx context.Context, t *turn, d deed) (slackkit.Answer, error) {
	modal, err := d.window(ctx, t)
	if err != nil {
		return in.answered(ctx, t.r, "", err, d.how), nil
	}
	in.handled(ctx, t.r.ID, "a window")
	return slackkit.Answer{Modal: modal}, nil
}

// answered turns what came of a deed into an answer, and notes it where it is the end of it.
func (in *Intake) answered(ctx context.Context, r request, text string, err error, where how) slackkit.Answer {
	said, final := words(err)
	switch {
	case !final && where == aWindow:
		in.log.WarnContext(ctx, "a window could not be opened", "request", r.ID, "err", err)
		in.handled(ctx, r.ID, "no window")
		return in.answer(r, awayText)
	case !final:
		in.log.WarnContext(ctx, "a request was left to the handler", "request", r.ID, "err", err)
		return in.answer(r, laterText)
	case err == nil:
		in.handled(ctx, r.ID, "done in place")
		return in.answer(r, text)
	}
	in.handled(ctx, r.ID, "refused: "+said)
	if field, ok := errors.AsType[*incident.FieldError](err); ok && r.View != nil {
		if _, asked := r.View.Values[field.Field]; asked {
			return slackkit.Answer{ViewErrors: map[string]string{field.Field: field.Problem}}
		}
	}
	return in.answer(r, said)
}

// answer tells the person. A form that was opened from nowhere is answered in its own place.
func (in *Intake) answer(r request, text string) slackkit.Answer {
	if r.View != nil && r.talk() == "" {
		return slackkit.Answer{Modal: &slack.ModalViewRequest{
			Type: slack.VTModal, Title: slackkit.PlainText("Theriac"), Close: slackkit.PlainText("Close"),
			Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewSectionBlock(slackkit.Mrkdwn(text), nil, nil)}},
		}}
	}
	return slackkit.Answer{Text: text, Channel: r.talk()}
}

// handled notes what became of a row. Whoever cannot note it leaves it to the handler, which finds it
// done.
func (in *Intake) handled(ctx context.Context, id, result string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteLimit)
	defer cancel()
	err := in.stores.Handled(ctx, id, plain(result, 200))
	if err != nil && !errors.Is(err, incident.ErrNotFound) {
		in.log.WarnContext(ctx, "what became of a request could not be noted", "request", id, "err", err)
	}
}
