package slackfake

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// refusal is an answer of ok:false.
type refusal struct {
	code     string
	messages []string      // what is wrong in detail
	details  []reply       // with whom, of an invitation
	needed   string        // the scope that is missing
	wait     time.Duration // a 429, if not 0
}

type reply map[string]any

func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		return []byte(`{"ok":false,"error":"internal_error"}`)
	}
	return data
}

// serveAPI answers a call of the Web API.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	a, body, err := readArgs(r)
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	call := Call{Method: method, Body: clip(body), Status: http.StatusOK}
	defer func() { s.journal(call) }()

	s.mu.Lock()
	fault, release := s.faultLocked(method), s.release
	s.mu.Unlock()
	s.delay(r)
	if !fault.isNone() && !fault.After {
		call.Status, call.Code = fault.Status, fault.Code
		s.fail(w, r, fault, release)
		return
	}
	answer, refused := reply(nil), &refusal{code: "invalid_json"}
	if err == nil {
		s.mu.Lock()
		answer, refused = s.carryOutLocked(method, callToken(r, a), a, kind == "application/json")
		if refused == nil {
			n := s.counts[method]
			n.done++
			s.counts[method] = n
		}
		s.mu.Unlock()
	}
	if !fault.isNone() {
		call.Status, call.Code = fault.Status, fault.Code
		s.fail(w, r, fault, release)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-OAuth-Scopes", strings.Join(s.cfg.Scopes, ","))
	if refused == nil {
		answer["ok"] = true
		_, _ = w.Write(encode(answer))
		return
	}
	call.Code = refused.code
	if refused.wait > 0 {
		call.Status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(refused.wait.Seconds()))))
		w.WriteHeader(call.Status)
	}
	out := reply{"ok": false, "error": refused.code}
	if len(refused.messages) > 0 {
		out["errors"] = refused.messages
		out["response_metadata"] = reply{"messages": refused.messages}
	}
	if refused.details != nil {
		out["errors"] = refused.details
	}
	if refused.needed != "" {
		out["needed"] = refused.needed
	}
	_, _ = w.Write(encode(out))
}

// delay is what a call takes at least.
func (s *Server) delay(r *http.Request) {
	if s.cfg.Latency <= 0 {
		return
	}
	timer := time.NewTimer(s.cfg.Latency)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	case <-s.closed:
	}
}

func clip(body []byte) []byte { return bytes.Clone(body[:min(len(body), maxCallBody)]) }

func (s *Server) journal(call Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call.At = s.cfg.Now()
	s.calls = keep(s.calls, call, s.cfg.Bounds.Calls)
	n := s.counts[call.Method]
	n.called++
	s.counts[call.Method] = n
	s.changeLocked()
}

// carryOutLocked runs a method of the API.
func (s *Server) carryOutLocked(name, token string, a args, isJSON bool) (reply, *refusal) {
	want := s.token
	if name == "apps.connections.open" {
		want = s.cfg.AppToken
	}
	switch {
	case token == "":
		return nil, &refusal{code: "not_authed"}
	case want == "" && token == s.cfg.Token:
		return nil, &refusal{code: "token_revoked"}
	case token == s.cfg.Token && name == "apps.connections.open" || token == s.cfg.AppToken && token != want:
		return nil, &refusal{code: "not_allowed_token_type"}
	case token != want:
		return nil, &refusal{code: "invalid_auth"}
	}
	m, known := s.methodLocked(name)
	if !known {
		return nil, &refusal{code: "unknown_method"}
	}
	if refused := s.permitLocked(m); refused != nil {
		return nil, refused
	}
	if refused := s.limitLocked(name); refused != nil {
		return nil, refused
	}
	if m.form && isJSON {
		// Slack reads nothing of it, and then misses the arguments.
		a = args{}
	}
	return m.run(a)
}

const (
	botUser = "U0THERIAC"
	botID   = "B0THERIAC"
	appID   = "A0THERIAC"
)

// writableLocked finds the channel of a call that writes there, and makes it wait.
func (s *Server) writableLocked(a args, paced bool) (*channel, *refusal) {
	c := s.channelLocked(a.text("channel"))
	switch {
	case c == nil:
		return nil, &refusal{code: "channel_not_found"}
	case c.Archived:
		return nil, &refusal{code: "is_archived"}
	case c.Absent && c.Private:
		return nil, &refusal{code: "channel_not_found"}
	case c.Absent:
		return nil, &refusal{code: "not_in_channel"}
	}
	if paced {
		if wait := c.wait(s.cfg.Now(), s.cfg.Every, s.cfg.Burst); wait > 0 {
			return nil, &refusal{code: "ratelimited", wait: wait}
		}
	}
	return c, nil
}

// content checks the text and the blocks of a call.
func content(a args) (string, json.RawMessage, *refusal) {
	text, blocks := a.text("text"), a.value("blocks")
	if refused := checkBlocks(blocks, "/blocks", maxMessageBlocks); refused != nil {
		return "", nil, refused
	}
	empty := blocks == nil || string(bytes.TrimSpace(blocks)) == "[]"
	switch {
	case strings.TrimSpace(text) == "" && empty:
		return "", nil, &refusal{code: "no_text"}
	case runes(text) > maxText:
		return "", nil, &refusal{code: "msg_too_long"}
	case empty:
		return text, nil, nil
	default:
		return text, blocks, nil
	}
}

func (s *Server) postLocked(a args) (reply, *refusal) {
	c, refused := s.writableLocked(a, true)
	if refused != nil {
		return nil, refused
	}
	text, blocks, refused := content(a)
	if refused != nil {
		return nil, refused
	}
	thread := a.text("thread_ts")
	if thread != "" {
		parent := s.messageLocked(c.ID, thread)
		if parent == nil {
			return nil, &refusal{code: "cannot_reply_to_message"}
		}
		if parent.ThreadTS != "" {
			thread = parent.ThreadTS
		}
	}
	mark, refused := a.mark()
	if refused != nil {
		return nil, refused
	}
	m := &Message{Channel: c.ID, TS: s.stampLocked(), ThreadTS: thread, Broadcast: thread != "" && a.truth("reply_broadcast"),
		Text: text, Blocks: withIDs(blocks, &s.serial), Metadata: mark}
	c.messages = keep(c.messages, m, s.cfg.Bounds.Messages)
	s.emitLocked(c, s.messageEvent(c, m))
	s.changeLocked()
	return reply{"channel": c.ID, "ts": m.TS, "message": s.wireMessage(*m)}, nil
}

func (s *Server) updateLocked(a args) (reply, *refusal) {
	c, refused := s.writableLocked(a, true)
	if refused != nil {
		return nil, refused
	}
	m := s.messageLocked(c.ID, a.text("ts"))
	if m == nil {
		return nil, &refusal{code: "message_not_found"}
	}
	if m.User != "" {
		return nil, &refusal{code: "cant_update_message"}
	}
	if a.value("blocks") == nil && a.text("text") != "" {
		// Without a list the blocks stay, with an empty one they go.
		a["blocks"] = m.Blocks
	}
	text, blocks, refused := content(a)
	if refused != nil {
		return nil, refused
	}
	mark, refused := a.mark()
	if refused != nil {
		return nil, refused
	}
	if mark != nil {
		m.Metadata = mark
	}
	before := *m
	m.Text, m.Blocks = text, withIDs(blocks, &s.serial)
	m.Edits++
	s.emitLocked(c, s.changeEvent(c, m, before, botUser))
	s.changeLocked()
	return reply{"channel": c.ID, "ts": m.TS, "text": text, "message": s.wireMessage(*m)}, nil
}

func (s *Server) ephemeralLocked(a args) (reply, *refusal) {
	c, refused := s.writableLocked(a, false)
	if refused != nil {
		return nil, refused
	}
	if _, ok := s.userLocked(a.text("user")); !ok {
		return nil, &refusal{code: "user_not_in_channel"}
	}
	text, _, refused := content(a)
	if refused != nil {
		return nil, refused
	}
	s.ephemerals = keep(s.ephemerals, Ephemeral{Channel: c.ID, User: a.text("user"), Text: text}, s.cfg.Bounds.Messages)
	s.changeLocked()
	return reply{"message_ts": s.stampLocked()}, nil
}

func (s *Server) permalinkLocked(a args) (reply, *refusal) {
	c := s.channelLocked(a.text("channel"))
	if c == nil {
		return nil, &refusal{code: "channel_not_found"}
	}
	m := s.messageLocked(c.ID, a.text("message_ts"))
	if m == nil {
		return nil, &refusal{code: "message_not_found"}
	}
	return reply{"channel": c.ID, "permalink": s.URL() + "archives/" + c.ID + "/p" + strings.Replace(m.TS, ".", "", 1)}, nil
}

// wireMessage is a message as answers and clicks carry it.
func (s *Server) wireMessage(m Message) reply {
	wire := reply{"type": "message", "team": s.cfg.Team, "text": m.Text, "ts": m.TS}
	if m.User != "" {
		wire["user"] = m.User
	} else {
		wire["subtype"], wire["user"], wire["bot_id"], wire["app_id"] = "bot_message", botUser, botID, appID
	}
	if m.Blocks != nil {
		wire["blocks"] = m.Blocks
	}
	if m.ThreadTS != "" {
		wire["thread_ts"] = m.ThreadTS
	}
	if len(m.Reactions) > 0 {
		var all []reply
		for _, name := range slices.Sorted(maps.Keys(m.Reactions)) {
			all = append(all, reply{"name": name, "users": m.Reactions[name], "count": len(m.Reactions[name])})
		}
		wire["reactions"] = all
	}
	return wire
}
