package quarantineslack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/theriac/theriac/internal/slackkit"
)

// The calls of Slack, and what their errors mean.

// call makes one call of Slack, which must end with the lead. Its error is a
// *chatError.
func call[T any](ctx context.Context, n *Notifier, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	v, err := do(ctx)
	if err != nil {
		return v, &chatError{err: err}
	}
	n.chat = backoff{}
	return v, nil
}

// chatError is an error of Slack, told apart from one of the store.
type chatError struct {
	err error
	// key is the notice with which Slack finds fault, "" if it is not about one.
	key string
}

func (e *chatError) Error() string { return e.err.Error() }
func (e *chatError) Unwrap() error { return e.err }

// send posts a message, bare if Slack finds fault with its blocks.
func (n *Notifier) send(ctx context.Context, m slackkit.Message, header string) (slackkit.Place, error) {
	place, err := call(ctx, n, func(ctx context.Context) (slackkit.Place, error) { return n.cfg.Client.Post(ctx, n.cfg.Channel, m) })
	if isInvalid(err) {
		n.log.Error("quarantineslack: Slack finds fault with a message, it is sent without its blocks", "error", err)
		place, err = call(ctx, n, func(ctx context.Context) (slackkit.Place, error) {
			return n.cfg.Client.Post(ctx, n.cfg.Channel, bare(header))
		})
	}
	return place, err
}

// update edits a message, and reports whether it is gone, so that a new one is needed.
func (n *Notifier) update(ctx context.Context, p place, m slackkit.Message, header string) (gone bool, err error) {
	edit := func(m slackkit.Message) error {
		_, err := call(ctx, n, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, n.cfg.Client.Update(ctx, p.kit(), m)
		})
		return err
	}
	if err = edit(m); isInvalid(err) {
		n.log.Error("quarantineslack: Slack finds fault with a message, it is sent without its blocks", "error", err)
		err = edit(bare(header))
	}
	if isGone(err) {
		return true, nil
	}
	return false, err
}

// bare is the least that a message can be.
func bare(header string) slackkit.Message { return slackkit.Message{Text: mark(header, headerMax)} }

// isInvalid reports whether Slack found fault with the message, not with us.
func isInvalid(err error) bool {
	p, ok := errors.AsType[*slackkit.PermanentError](err)
	return ok && p.ProblemKind() == "invalid"
}

// isGone reports whether a message cannot be edited or replied to any more.
func isGone(err error) bool {
	p, ok := errors.AsType[*slackkit.PermanentError](err)
	return ok && slices.Contains([]string{
		"message_not_found", "thread_not_found", "cannot_reply_to_message", "cant_update_message", "edit_window_closed",
	}, p.Code)
}

// refusedOne says of an error with which notice Slack finds fault, so that it does not
// stand in the way of the others.
func refusedOne(j *job, err error) error {
	if chat, ok := errors.AsType[*chatError](err); ok && isInvalid(err) {
		chat.key = j.notice.Key
	}
	return err
}

// say writes into a thread, and reports whether its message is gone.
func (n *Notifier) say(ctx context.Context, p place, m slackkit.Message, broadcast bool) (gone bool, err error) {
	_, err = call(ctx, n, func(ctx context.Context) (slackkit.Place, error) {
		return n.cfg.Client.Reply(ctx, p.kit(), m, broadcast)
	})
	if isInvalid(err) {
		_, err = call(ctx, n, func(ctx context.Context) (slackkit.Place, error) {
			return n.cfg.Client.Reply(ctx, p.kit(), slackkit.Message{Text: "Something changed; see theriac groups."}, broadcast)
		})
	}
	if isGone(err) {
		return true, nil
	}
	return false, err
}

// show posts or edits a message that is no group's, and notes what it shows. One that is
// gone is posted anew.
func (n *Notifier) show(ctx context.Context, s *shown, m slackkit.Message, now time.Time) error {
	gone := false
	if s.posted() {
		var err error
		if gone, err = n.update(ctx, s.place, m, m.Text); err != nil {
			return err
		}
	}
	if gone || !s.posted() {
		place, err := n.send(ctx, m, m.Text)
		if err != nil {
			return err
		}
		s.place = placeOf(place)
	}
	s.Hash, s.Edited = hashOf(m), now.UnixMilli()
	return nil
}

// hashOf is a hash of what a message shows, its "as of" left out.
func hashOf(m slackkit.Message) string {
	m.Text = asOf.ReplaceAllString(m.Text, "")
	b, err := json.Marshal(m)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(asOf.ReplaceAll(b, nil))
	return hex.EncodeToString(sum[:8])
}
