package slackkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/slack-go/slack"
)

// Texts for people whose click did not go as usual.
const (
	workingText = "Working on it. The result follows here."
	busyText    = "Too much is going on just now, nothing was done. Try again in a few seconds."
	keptText    = "Too much is going on just now. It was noted, and what follows of it is done later."
	foreignText = "This workspace may not decide here. Nothing was done."
	brokenText  = "That did not work, and may or may not have been done. The reason is in the log."
)

// work handles a job and says what there is to say.
func (d *desk) work(ctx context.Context, j *job) {
	a, err := d.call(ctx, j.Interaction)
	if err != nil {
		d.log.ErrorContext(ctx, "a click could not be handled", "request", j.Request, "err", err)
		a = Answer{Text: brokenText}
		if j.Type == ViewSubmission {
			a = Answer{Text: brokenText, ViewErrors: j.View.viewErrors(brokenText)}
		}
	}
	if j.Type == EventCallback {
		a = Answer{} // nobody asked
	}
	select {
	case j.out <- a:
		if j.body(a) != nil && len(a.ViewErrors) > 0 {
			return // the modal says it
		}
	case <-j.gone:
		<-j.working
		if text := joined(a.ViewErrors); text != "" && a.Text == "" {
			a.Text = text
		}
		if a.Modal != nil && j.Type == ViewSubmission {
			d.log.WarnContext(ctx, "a modal came too late to follow the one that was submitted", "request", j.Request)
		}
	}
	if a.Modal != nil && j.Type != ViewSubmission {
		if err := d.client.OpenView(ctx, j.TriggerID, *a.Modal); err != nil {
			d.log.ErrorContext(ctx, "a modal could not be opened", "request", j.Request, "err", err)
			a.Text = strings.TrimSpace(a.Text + "\nThe window could not be opened. Click again.")
		}
	}
	if a.Text != "" {
		d.tell(ctx, j.Interaction, a.Channel, a.Text)
	}
	if a.Reply != nil {
		err := twice(ctx, func() error {
			_, err := d.client.Reply(ctx, a.Reply.To, a.Reply.Message, false)
			return err
		})
		if err != nil {
			d.log.ErrorContext(ctx, "what followed of a click is not in the thread", "request", j.Request, "err", err)
		}
	}
}

// call runs Handle and turns its panic into an error.
func (d *desk) call(ctx context.Context, i Interaction) (a Answer, err error) {
	defer func() {
		if v := recover(); v != nil {
			a, err = Answer{}, fmt.Errorf("panic: %s\n%s", Plain(fmt.Sprint(v), 500), debug.Stack())
		}
	}()
	return d.handle(ctx, i)
}

// body is what Slack is answered when a modal was submitted; nil closes it.
func (j *job) body(a Answer) []byte {
	if j.Type != ViewSubmission {
		return nil
	}
	said := struct {
		Action string                  `json:"response_action"`
		Errors map[string]string       `json:"errors,omitempty"`
		View   *slack.ModalViewRequest `json:"view,omitempty"`
	}{}
	switch {
	case len(a.ViewErrors) > 0:
		said.Action, said.Errors = "errors", make(map[string]string, len(a.ViewErrors))
		for id, text := range a.ViewErrors {
			said.Errors[id] = Plain(text, 500)
		}
	case a.Modal != nil:
		said.Action, said.View = "update", a.Modal
	default:
		return nil
	}
	body, err := json.Marshal(said)
	if err != nil {
		return nil
	}
	return body
}

func joined(texts map[string]string) string {
	var all []string
	for _, text := range texts {
		all = append(all, Escape(text, 500))
	}
	return strings.Join(all, "\n")
}

// tell shows a text to whoever did i: through the address that came with the click, else in a channel. It
// tries twice.
func (d *desk) tell(ctx context.Context, i Interaction, channel, text string) {
	if err := twice(ctx, func() error { return d.say(ctx, i, channel, text) }); err != nil {
		d.log.ErrorContext(ctx, "an answer to a click did not arrive", "request", i.Request, "err", err)
	}
}

// twice calls Slack, and once more if the first call failed and not for good.
func twice(ctx context.Context, call func() error) error {
	err := call()
	if err == nil || IsPermanent(err) {
		return err
	}
	pause := time.NewTimer(max(time.Second, RetryAfter(err)))
	defer pause.Stop()
	select {
	case <-pause.C:
		return call()
	case <-ctx.Done():
		return err
	}
}

func (d *desk) say(ctx context.Context, i Interaction, channel, text string) error {
	if i.ResponseURL != "" {
		err := d.client.Respond(ctx, i.ResponseURL, text, false)
		if !IsPermanent(err) || i.Channel == "" {
			return err
		}
	}
	if i.Channel != "" {
		channel = i.Channel
	}
	if channel == "" {
		return errors.New("there is no channel to answer in")
	}
	return d.client.Ephemeral(ctx, channel, i.User, text)
}

// busy says that nothing was done: in the modal, or through the address of the click if one of a few
// places for that is free. What was kept is taken all the same, and its person told if there is a place.
func (d *desk) busy(ctx context.Context, i Interaction, keys []string) (verdict, []byte) {
	d.log.WarnContext(ctx, "too many clicks, one was refused", "request", i.Request, "kept", d.keep != nil)
	if d.keep != nil {
		if i.Type != ViewSubmission && i.Type != EventCallback {
			d.excuse(ctx, i, keptText)
		}
		return taken, nil
	}
	d.seen.forget(i.Request)
	if i.Type == EventCallback {
		for _, key := range keys {
			d.seen.forget(key)
		}
		return overload, nil
	}
	if i.Type == ViewSubmission {
		j := &job{Interaction: i}
		if body := j.body(Answer{ViewErrors: i.View.viewErrors(busyText)}); body != nil {
			return taken, body
		}
		// A modal without an input has no place for it; Slack's own warning must do.
		return overload, nil
	}
	if !d.excuse(ctx, i, busyText) {
		return overload, nil
	}
	return taken, nil
}

// excuse tells a person why nothing happened, and returns false if there is no place for that.
func (d *desk) excuse(ctx context.Context, i Interaction, text string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	select {
	case d.sorry <- struct{}{}:
	default:
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.limits.Work)
	d.running.Go(func() {
		defer func() { <-d.sorry }()
		defer cancel()
		d.tell(ctx, i, "", text)
	})
	return true
}
