package slackfake

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
)

// Shortcut is something that people can choose, in the menu of a message or anywhere.
type Shortcut struct {
	CallbackID, Name string
	// Message is one in the menu of messages.
	Message bool
}

// Choose chooses a shortcut as a user: that of a message, or with "" for channel and timestamp a global
// one.
func (s *Server) Choose(ctx context.Context, callbackID, channelID, ts, user string) error {
	payload, err := s.choice(callbackID, channelID, ts, user)
	if err != nil {
		return err
	}
	_, err = s.Deliver(ctx, payload)
	return err
}

func (s *Server) choice(callbackID, channelID, ts, user string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who, known := s.userLocked(user)
	offered := slices.ContainsFunc(s.cfg.Shortcuts, func(one Shortcut) bool {
		return one.CallbackID == callbackID && one.Message == (ts != "")
	})
	if !known || !offered {
		return nil, fmt.Errorf("fake Slack: no shortcut %q, or no user %s", callbackID, user)
	}
	if ts == "" {
		payload := s.payloadLocked("shortcut", who)
		payload["callback_id"], payload["action_ts"] = callbackID, s.stampLocked()
		return encode(payload), nil
	}
	m, c := s.messageLocked(channelID, ts), s.channelLocked(channelID)
	if m == nil {
		return nil, fmt.Errorf("fake Slack: no message %s in %s", ts, channelID)
	}
	answer := &response{id: rand.Text(), user: user, channel: c.ID, made: s.cfg.Now()}
	s.responses = keep(s.responses, answer, maxResponses)
	payload := s.payloadLocked("message_action", who)
	payload["callback_id"], payload["action_ts"], payload["message_ts"] = callbackID, s.stampLocked(), m.TS
	payload["channel"] = reply{"id": c.ID, "name": c.Name}
	payload["message"] = s.wireMessage(*m)
	payload["response_url"] = s.URL() + "response/" + answer.id
	return encode(payload), nil
}
