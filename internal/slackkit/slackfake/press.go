package slackfake

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrUnanswered is what a person sees as a warning sign: the app did not take the click in time, or not at all.
var ErrUnanswered = errors.New("the app did not take the click")

// InputError is what a person sees in a modal that was not taken: a text for each block at fault.
type InputError struct{ Errors map[string]string }

// Error names the blocks and texts.
func (e *InputError) Error() string {
	var parts []string
	for _, id := range slices.Sorted(maps.Keys(e.Errors)) {
		parts = append(parts, id+": "+e.Errors[id])
	}
	return "the modal was not taken: " + strings.Join(parts, "; ")
}

// response is an address that answers one click.
type response struct {
	id, user, channel, ts string
	made                  time.Time
	uses                  int
}

// Press presses a button as a user, and returns when the app has taken the click (it may go on working).
// For a menu it takes the first option, see PressOption.
func (s *Server) Press(ctx context.Context, channelID, ts, actionID, user string) error {
	return s.PressOption(ctx, channelID, ts, actionID, "", user)
}

// PressOption chooses the option with this value in a menu; "" is the first.
func (s *Server) PressOption(ctx context.Context, channelID, ts, actionID, value, user string) error {
	payload, err := s.PressPayload(channelID, ts, actionID, value, user)
	if err != nil {
		return err
	}
	_, err = s.Deliver(ctx, payload)
	return err
}

// PressPayload is the payload of a press that has not been sent.
func (s *Server) PressPayload(channelID, ts, actionID, value, user string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who, known := s.userLocked(user)
	m := s.messageLocked(channelID, ts)
	if m == nil || !known {
		return nil, fmt.Errorf("fake Slack: no message %s in %s, or no user %s", ts, channelID, user)
	}
	b, e := find(m.Blocks, actionID)
	if e == nil {
		return nil, fmt.Errorf("fake Slack: message %s has nothing with action_id %q", ts, actionID)
	}
	action := reply{"type": e.Type, "action_id": e.ActionID, "block_id": b.BlockID, "action_ts": s.stampLocked()}
	switch e.Type {
	case "button":
		action["text"] = e.label()
		if e.Value != "" {
			action["value"] = e.Value
		}
	default:
		at := slices.IndexFunc(e.Options, func(o option) bool { return o.Value == value })
		if value == "" {
			at = 0
		}
		if at < 0 || at >= len(e.Options) {
			return nil, fmt.Errorf("fake Slack: %q has no option %q", actionID, value)
		}
		action["selected_option"] = reply{"text": e.Options[at].Text, "value": e.Options[at].Value}
	}
	c := s.channelLocked(channelID)
	answer := &response{id: rand.Text(), user: user, channel: c.ID, ts: ts, made: s.cfg.Now()}
	s.responses = keep(s.responses, answer, maxResponses)
	payload := s.payloadLocked("block_actions", who)
	payload["container"] = reply{"type": "message", "message_ts": ts, "channel_id": c.ID, "is_ephemeral": false}
	payload["channel"] = reply{"id": c.ID, "name": c.Name}
	payload["message"] = s.wireMessage(*m)
	payload["state"] = reply{"values": reply{}}
	payload["response_url"] = s.URL() + "response/" + answer.id
	payload["actions"] = []reply{action}
	return encode(payload), nil
}

// payloadLocked is what all clicks have.
func (s *Server) payloadLocked(kind string, who User) reply {
	return reply{
		"type": kind, "team": reply{"id": s.cfg.Team, "domain": strings.ToLower(s.cfg.TeamName)},
		"user":       reply{"id": who.ID, "username": who.Name, "name": who.Name, "team_id": s.cfg.Team},
		"api_app_id": appID, "token": "deprecated", "trigger_id": s.triggerLocked(who.ID),
		"enterprise": nil, "is_enterprise_install": false,
	}
}

// find returns the element with an action id and its block.
func find(blocks json.RawMessage, actionID string) (block, *element) {
	for _, b := range decodeBlocks(blocks) {
		if b.Accessory != nil && b.Accessory.ActionID == actionID {
			return b, b.Accessory
		}
		for i := range b.Elements {
			if b.Type == "actions" && b.Elements[i].ActionID == actionID {
				return b, &b.Elements[i]
			}
		}
	}
	return block{}, nil
}

// Submit fills a modal in, by block id, and submits it as the user who has it. What is not named stays as it
// was opened, what is "" is emptied. An *InputError is what
// the app, or Slack itself for an empty field, says against it; the modal then stays open.
func (s *Server) Submit(ctx context.Context, viewID string, values map[string]string, user string) error {
	payload, err := s.submitPayload(viewID, values, user)
	if err != nil {
		return err
	}
	answer, err := s.Deliver(ctx, payload)
	if err != nil {
		return err
	}
	return s.submitted(viewID, answer)
}

func (s *Server) submitPayload(viewID string, values map[string]string, user string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who, known := s.userLocked(user)
	v := s.viewLocked(viewID)
	if v == nil || !known || v.User != user {
		return nil, fmt.Errorf("fake Slack: %s has no modal %s", user, viewID)
	}
	wrong, values := map[string]string{}, v.filled(values)
	for _, b := range decodeBlocks(v.Blocks) {
		if b.Type != "input" || b.Element == nil {
			continue
		}
		n := runes(values[b.BlockID])
		switch {
		case n == 0 && !b.Optional:
			wrong[b.BlockID] = "Please complete this required field."
		case n > 0 && n < b.Element.MinLength || b.Element.MaxLength > 0 && n > b.Element.MaxLength || n > 3000:
			wrong[b.BlockID] = "Please enter fewer, or more, characters."
		}
	}
	if len(wrong) > 0 {
		return nil, &InputError{Errors: wrong}
	}
	payload := s.payloadLocked("view_submission", who)
	payload["view"] = s.wire(*v, values)
	payload["response_urls"] = []string{}
	return encode(payload), nil
}

// submitted does what the app answered to a submission.
func (s *Server) submitted(viewID string, answer []byte) error {
	var said struct {
		Action string            `json:"response_action"`
		Errors map[string]string `json:"errors"`
		View   wireView          `json:"view"`
	}
	if len(bytes.TrimSpace(answer)) > 0 {
		if err := json.Unmarshal(answer, &said); err != nil {
			return fmt.Errorf("%w: its answer is no JSON", ErrUnanswered)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.viewLocked(viewID)
	switch said.Action {
	case "", "clear":
		s.closeViewLocked(viewID)
		return nil
	case "errors":
		if v != nil {
			v.Errors = said.Errors
			s.changeLocked()
		}
		return &InputError{Errors: said.Errors}
	case "update", "push":
		if refused := said.View.check(); refused != nil {
			return fmt.Errorf("%w: its modal is refused: %s", ErrUnanswered, strings.Join(refused.messages, "; "))
		}
		if v != nil {
			v.fill(said.View, &s.serial)
			s.changeLocked()
		}
		return nil
	default:
		return fmt.Errorf("%w: response_action %q", ErrUnanswered, said.Action)
	}
}

// Sign returns the headers with which Slack would send this body now.
func Sign(secret string, at time.Time, body []byte) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	hash := hmac.New(sha256.New, []byte(secret))
	hash.Write([]byte("v0:" + stamp + ":"))
	hash.Write(body)
	h := http.Header{}
	h.Set("Content-Type", "application/x-www-form-urlencoded")
	h.Set("X-Slack-Request-Timestamp", stamp)
	h.Set("X-Slack-Signature", "v0="+hex.EncodeToString(hash.Sum(nil)))
	return h
}

// Form returns the body in which a payload is posted.
func Form(payload []byte) []byte {
	return []byte(url.Values{"payload": {string(payload)}}.Encode())
}

// Deliver sends a payload to the app, signed over HTTP or over a socket, and returns what the app
// answered within 3 seconds.
func (s *Server) Deliver(ctx context.Context, payload []byte) ([]byte, error) {
	s.mu.Lock()
	address := s.requestURL
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if address == "" {
		return s.deliverSocket(ctx, envelope{kind: "interactive", payload: payload})
	}
	return s.post(ctx, address, Form(payload))
}

// post sends a signed form to the app.
func (s *Server) post(ctx context.Context, address string, body []byte) ([]byte, error) {
	return s.send(ctx, address, Sign(s.cfg.SigningSecret, s.cfg.Now(), body), body)
}

func (s *Server) send(ctx context.Context, address string, signed http.Header, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("fake Slack: %w", err)
	}
	req.Header = signed
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnanswered, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnanswered, err)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w: status %d", ErrUnanswered, resp.StatusCode)
	default:
		return answer, nil
	}
}

// Command types a command, such as "/theriac" with the text "why Q-7F3K", in a channel as a user.
func (s *Server) Command(ctx context.Context, channelID, user, command, text string) error {
	s.mu.Lock()
	who, known := s.userLocked(user)
	c := s.channelLocked(channelID)
	if c == nil || !known {
		s.mu.Unlock()
		return fmt.Errorf("fake Slack: no channel %s, or no user %s", channelID, user)
	}
	answer := &response{id: rand.Text(), user: user, channel: c.ID, made: s.cfg.Now()}
	s.responses = keep(s.responses, answer, maxResponses)
	fields := map[string]string{
		"token": "deprecated", "team_id": s.cfg.Team, "team_domain": strings.ToLower(s.cfg.TeamName), "channel_id": c.ID, "channel_name": c.Name,
		"user_id": who.ID, "user_name": who.Name, "command": command, "text": text, "api_app_id": appID, "is_enterprise_install": "false",
		"response_url": s.URL() + "response/" + answer.id, "trigger_id": s.triggerLocked(who.ID),
	}
	address := s.requestURL
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if address == "" {
		_, err := s.deliverSocket(ctx, envelope{kind: "slash_commands", payload: encode(fields)})
		return err
	}
	form := url.Values{}
	for name, value := range fields {
		form.Set(name, value)
	}
	_, err := s.post(ctx, address, []byte(form.Encode()))
	return err
}

// serveResponse takes the answer to a click.
func (s *Server) serveResponse(w http.ResponseWriter, r *http.Request) {
	a, body, err := readArgs(r)
	call := Call{Method: "response_url", Body: clip(body), Status: http.StatusOK}
	defer func() { s.journal(call) }()
	s.mu.Lock()
	fault, release := s.faultLocked("response_url"), s.release
	s.mu.Unlock()
	if !fault.isNone() {
		call.Status, call.Code = fault.Status, fault.Code
		s.fail(w, r, fault, release)
		return
	}
	status, text := http.StatusBadRequest, "invalid_payload"
	if err == nil {
		status, text = s.respond(r.PathValue("id"), a)
	}
	if status != http.StatusOK {
		call.Status, call.Code = status, text
		http.Error(w, text, status)
		return
	}
	_, _ = io.WriteString(w, text)
}

func (s *Server) respond(id string, a args) (int, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.responses, func(one *response) bool { return one.id == id })
	if at < 0 {
		return http.StatusNotFound, "expired_url"
	}
	one := s.responses[at]
	if one.uses++; one.uses > 5 || s.cfg.Now().Sub(one.made) > 30*time.Minute {
		return http.StatusNotFound, "expired_url"
	}
	text, blocks, refused := content(a)
	if refused != nil {
		return http.StatusBadRequest, refused.code
	}
	switch m := s.messageLocked(one.channel, one.ts); {
	case a.truth("replace_original") && m != nil:
		m.Text, m.Blocks = text, withIDs(blocks, &s.serial)
		m.Edits++
	case a.text("response_type") == "in_channel":
		c := s.channelLocked(one.channel)
		c.messages = keep(c.messages, &Message{Channel: c.ID, TS: s.stampLocked(), Text: text, Blocks: blocks}, s.cfg.Bounds.Messages)
	default:
		s.ephemerals = keep(s.ephemerals, Ephemeral{Channel: one.channel, User: one.user, Text: text}, s.cfg.Bounds.Messages)
	}
	s.changeLocked()
	return http.StatusOK, "ok"
}
