package slackfake

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// cursorOf names a place in a list, cursorAt reads it. Cursors mean nothing to a caller.
func cursorOf(at int) string {
	return base64.StdEncoding.EncodeToString([]byte("at:" + strconv.Itoa(at)))
}

func cursorAt(cursor string) (int, bool) {
	if cursor == "" {
		return 0, true
	}
	text, err := base64.StdEncoding.DecodeString(cursor)
	digits, ok := strings.CutPrefix(string(text), "at:")
	at, wrong := strconv.Atoi(digits)
	return at, err == nil && ok && wrong == nil && at >= 0
}

// page reads where a page begins and how long it is.
func (a args) page(usual, most, bound int) (from, length int, refused *refusal) {
	from, ok := cursorAt(a.text("cursor"))
	if !ok {
		return 0, 0, &refusal{code: "invalid_cursor"}
	}
	length = usual
	if text := a.text("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > most {
			return 0, 0, &refusal{code: "invalid_limit"}
		}
		length = n
	}
	if bound > 0 {
		length = min(length, bound)
	}
	return from, length, nil
}

// historyLocked returns a channel's messages, the newest first.
func (s *Server) historyLocked(a args) (reply, *refusal) {
	c := s.seenLocked(a.text("channel"))
	switch {
	case c == nil:
		return nil, &refusal{code: "channel_not_found"}
	case c.Absent:
		return nil, &refusal{code: "not_in_channel"}
	}
	var shown []*Message
	for _, m := range slices.Backward(c.messages) {
		if (m.ThreadTS == "" || m.Broadcast) && a.within(m.TS) {
			shown = append(shown, m)
		}
	}
	return s.messagesLocked(a, shown)
}

// repliesLocked returns a thread, its first message first.
func (s *Server) repliesLocked(a args) (reply, *refusal) {
	c := s.seenLocked(a.text("channel"))
	switch {
	case c == nil:
		return nil, &refusal{code: "channel_not_found"}
	case c.Absent:
		return nil, &refusal{code: "not_in_channel"}
	}
	var shown []*Message
	for _, m := range c.messages {
		if m.TS == a.text("ts") || m.ThreadTS == a.text("ts") && m.ThreadTS != "" {
			shown = append(shown, m)
		}
	}
	if len(shown) == 0 {
		return nil, &refusal{code: "thread_not_found"}
	}
	return s.messagesLocked(a, shown)
}

// within reports whether a timestamp is one that was asked for. All have the same form, so they compare
// as texts.
func (a args) within(ts string) bool {
	oldest, latest := a.text("oldest"), a.text("latest")
	if a.truth("inclusive") && (ts == oldest || ts == latest) {
		return true
	}
	return (oldest == "" || oldest == "0" || ts > oldest) && (latest == "" || ts < latest)
}

func (s *Server) messagesLocked(a args, shown []*Message) (reply, *refusal) {
	from, most, refused := a.page(100, 999, s.cfg.PageMost)
	if refused != nil {
		return nil, refused
	}
	from = min(from, len(shown))
	end := min(from+most, len(shown))
	page, cursor := []reply{}, ""
	for _, m := range shown[from:end] {
		wire := s.wireMessage(*m)
		if m.Metadata != nil && a.truth("include_all_metadata") {
			wire["metadata"] = m.Metadata
		}
		page = append(page, wire)
	}
	if end < len(shown) {
		cursor = cursorOf(end)
	}
	return reply{"messages": page, "has_more": cursor != "", "response_metadata": reply{"next_cursor": cursor}}, nil
}

// mark returns the metadata of a call, nil without.
func (a args) mark() (json.RawMessage, *refusal) {
	raw := a.value("metadata")
	if raw == nil {
		return nil, nil
	}
	var w struct {
		Type    string          `json:"event_type"`
		Payload json.RawMessage `json:"event_payload"`
	}
	var object map[string]any
	switch {
	case len(raw) > 16<<10:
		return nil, &refusal{code: "metadata_too_large"}
	case json.Unmarshal(raw, &w) != nil || w.Type == "" || json.Unmarshal(w.Payload, &object) != nil || object == nil:
		return nil, &refusal{code: "invalid_metadata_format"}
	}
	return raw, nil
}
