package incidentslack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit"
)

const (
	// maxAge is how long somebody who asked may be waiting for it: what is older surprises more than it helps.
	maxAge = 15 * time.Minute
	// tellTime bounds the telling, which comes after the deed.
	tellTime = 3 * time.Second
)

// onRequest makes the handler of rows of one kind: it does what was not done in place, once, and tells the
// person what came of it.
func (in *Intake) onRequest(kind string) handlers.Handler {
	return handlers.HandlerFunc(func(ctx context.Context, m handlers.Message) error {
		if m.Attributes[incident.AttrKind] != kind {
			return nil
		}
		r, err := parseRequest(m.Data)
		if err != nil {
			return handlers.Undecodable(err)
		}
		stored := m.PublishedAt
		row, err := in.stores.Inbound(ctx, r.ID)
		switch {
		case err == nil && !row.Handled.IsZero():
			return nil
		case err == nil:
			stored = row.Stored
		case !errors.Is(err, incident.ErrNotFound):
			return err
		}
		text, result, err := in.deal(ctx, r, stored)
		if err != nil {
			return fmt.Errorf("%s: %w", r.ID, err)
		}
		in.tell(ctx, r, text)
		if err := in.stores.Handled(ctx, r.ID, plain(result, 200)); !errors.Is(err, incident.ErrNotFound) {
			return err
		}
		return nil
	})
}

// deal does what a request asks for, if it is not too late, and returns what its person and what its row
// are told.
func (in *Intake) deal(ctx context.Context, r request, stored time.Time) (text, result string, err error) {
	d := in.deed(r)
	age := in.cfg.Now().Sub(stored)
	switch {
	case d.how == nothing:
		return "", "nothing to do", nil
	case !stored.IsZero() && age > maxAge:
		return fmt.Sprintf("What you asked for %s ago (%s) came too late and was not done. If you still want it, do it again.",
			age.Round(time.Minute), escape(named(r), 100)), "too late", nil
	case d.how == aWindow:
		return windowText, "no window", nil
	}
	t, err := in.turn(ctx, r, d.least)
	if err == nil {
		text, err = d.run(ctx, t)
	}
	said, final := words(err)
	switch {
	case !final:
		return "", "", err
	case err != nil:
		return said, "refused: " + said, nil
	default:
		return text, "done", nil
	}
}

// named says what a request was, for somebody who made it a while ago.
func named(r request) string {
	switch {
	case r.View != nil:
		return r.View.Callback
	case r.Type == slackkit.SlashCommand:
		return r.Action + " " + r.Value
	default:
		return r.Action
	}
}

// tell says a text to whoever asked, through the address that came with the request, else in its channel.
// That it did not arrive is no reason to do it all again.
func (in *Intake) tell(ctx context.Context, r request, text string) {
	if text == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellTime)
	defer cancel()
	err := errors.New("there is no way to answer")
	if r.ResponseURL != "" {
		err = in.cfg.Client.Respond(ctx, r.ResponseURL, text, false)
	}
	if channel := r.talk(); err != nil && channel != "" {
		err = in.cfg.Client.Ephemeral(ctx, channel, r.User, text)
	}
	if r.View != nil && r.talk() == "" {
		err = in.write(ctx, r.User, text)
	}
	if err != nil {
		in.log.WarnContext(ctx, "an answer did not arrive", "request", r.ID, "err", err)
	}
}

// write tells somebody who is in no channel, in the one that they and the app have to themselves.
func (in *Intake) write(ctx context.Context, user, text string) error {
	channel, err := in.cfg.Client.OpenTalk(ctx, user)
	if err == nil {
		_, err = in.cfg.Client.Post(ctx, channel, slackkit.Message{Text: text})
	}
	return err
}
