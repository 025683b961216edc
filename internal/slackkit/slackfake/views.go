package slackfake

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// View is a modal that a user has before them.
type View struct {
	ID, User, CallbackID, PrivateMetadata string
	Title, Submit                         string
	// Blocks is the JSON list as it was sent.
	Blocks json.RawMessage
	// Errors is what the app said about the last submission, by block.
	Errors map[string]string
	hash   int
}

// wireView is a modal as the API takes it.
type wireView struct {
	Type            string          `json:"type"`
	Title           *textObject     `json:"title"`
	Submit          *textObject     `json:"submit"`
	Close           *textObject     `json:"close"`
	Blocks          json.RawMessage `json:"blocks"`
	CallbackID      string          `json:"callback_id"`
	PrivateMetadata string          `json:"private_metadata"`
}

// Views returns the open modals, the oldest first.
func (s *Server) Views() []View {
	s.mu.Lock()
	defer s.mu.Unlock()
	var open []View
	for _, v := range s.views {
		open = append(open, *v)
	}
	return open
}

// check returns Slack's refusal of a modal, nil if it takes it.
func (v wireView) check() *refusal {
	c := &checker{}
	if v.Type != "modal" {
		c.bad("/view/type", "must be modal")
	}
	c.text("/view/title", v.Title, 24, "plain_text")
	if v.Submit != nil {
		c.text("/view/submit", v.Submit, 24, "plain_text")
	}
	if v.Close != nil {
		c.text("/view/close", v.Close, 24, "plain_text")
	}
	c.length("/view/private_metadata", v.PrivateMetadata, 0, 3000)
	c.length("/view/callback_id", v.CallbackID, 0, maxID)
	if v.Blocks == nil {
		c.bad("/view", "missing required field: blocks")
	}
	if refused := checkBlocks(v.Blocks, "/view/blocks", maxViewBlocks); refused != nil {
		c.wrong = append(c.wrong, refused.messages...)
		c.wrong = append(c.wrong, refused.code)
	}
	inputs := slices.ContainsFunc(decodeBlocks(v.Blocks), func(b block) bool { return b.Type == "input" })
	if inputs && v.Submit == nil {
		c.bad("/view/submit", "required when there is an input")
	}
	if c.wrong != nil {
		return &refusal{code: "invalid_arguments", messages: c.wrong}
	}
	return nil
}

// fill copies what the app sent into v.
func (v *View) fill(w wireView, serial *int) {
	v.CallbackID, v.PrivateMetadata, v.Blocks = w.CallbackID, w.PrivateMetadata, withIDs(w.Blocks, serial)
	v.Title, v.Submit, v.Errors = w.Title.Text, "", nil
	if w.Submit != nil {
		v.Submit = w.Submit.Text
	}
	v.hash++
}

func (s *Server) openLocked(a args) (reply, *refusal) {
	trigger := a.text("trigger_id")
	made, known := s.triggers[trigger]
	switch {
	case !known && !strings.HasPrefix(trigger, triggerPrefix):
		return nil, &refusal{code: "invalid_trigger_id"}
	case !known:
		return nil, &refusal{code: "exchanged_trigger_id"}
	case s.cfg.Now().Sub(made) > answerTimeout:
		return nil, &refusal{code: "expired_trigger_id"}
	}
	var w wireView
	if err := json.Unmarshal(a.value("view"), &w); err != nil {
		return nil, &refusal{code: "invalid_arguments", messages: []string{"[ERROR] view is not JSON"}}
	}
	if refused := w.check(); refused != nil {
		return nil, refused
	}
	delete(s.triggers, trigger)
	s.serial++
	_, user, _ := strings.Cut(strings.TrimPrefix(trigger, triggerPrefix), ".")
	v := &View{ID: fmt.Sprintf("V%d", s.serial), User: user}
	v.fill(w, &s.serial)
	s.views = keep(s.views, v, s.cfg.Bounds.Views)
	s.changeLocked()
	return reply{"view": s.wire(*v, nil)}, nil
}

// updateViewLocked replaces a modal that is open.
func (s *Server) updateViewLocked(a args) (reply, *refusal) {
	v := s.viewLocked(a.text("view_id"))
	switch {
	case v == nil:
		return nil, &refusal{code: "not_found"}
	case a.text("hash") != "" && a.text("hash") != v.wireHash():
		return nil, &refusal{code: "hash_conflict"}
	}
	var w wireView
	if err := json.Unmarshal(a.value("view"), &w); err != nil {
		return nil, &refusal{code: "invalid_arguments", messages: []string{"[ERROR] view is not JSON"}}
	}
	if refused := w.check(); refused != nil {
		return nil, refused
	}
	v.fill(w, &s.serial)
	s.changeLocked()
	return reply{"view": s.wire(*v, nil)}, nil
}

// wireHash changes with what the modal shows.
func (v *View) wireHash() string { return fmt.Sprintf("%d.%s", v.hash, v.ID) }

const triggerPrefix = "fake."

// triggerLocked makes a trigger for a user's click.
func (s *Server) triggerLocked(user string) string {
	now := s.cfg.Now()
	for id, made := range s.triggers {
		if now.Sub(made) > time.Minute {
			delete(s.triggers, id)
		}
	}
	s.serial++
	id := fmt.Sprintf("%s%d.%s", triggerPrefix, s.serial, user)
	s.triggers[id] = now
	return id
}

// wire is a modal as answers and submissions carry it. values is what a person filled in, by block.
func (s *Server) wire(v View, values map[string]string) reply {
	state := map[string]map[string]reply{}
	for _, b := range decodeBlocks(v.Blocks) {
		if b.Type != "input" || b.Element == nil {
			continue
		}
		filled := reply{"type": b.Element.Type, "value": nil}
		value, given := values[b.BlockID]
		switch {
		case chosenAs(b.Element.Type) != "":
			filled[chosenAs(b.Element.Type)] = nil
			delete(filled, "value")
			if given && value != "" {
				filled[chosenAs(b.Element.Type)] = value
			}
		case b.Element.Type == "multi_users_select" || b.Element.Type == "checkboxes":
			filled = b.Element.several(value)
		case b.Element.Type == "static_select" || b.Element.Type == "radio_buttons":
			filled = reply{"type": b.Element.Type, "selected_option": nil}
			for _, o := range b.Element.Options {
				if given && o.Value == value {
					filled["selected_option"] = reply{"text": o.Text, "value": o.Value}
				}
			}
		case given && value != "":
			filled["value"] = value
		}
		state[b.BlockID] = map[string]reply{b.Element.ActionID: filled}
	}
	return reply{
		"id": v.ID, "team_id": s.cfg.Team, "type": "modal", "blocks": v.Blocks, "private_metadata": v.PrivateMetadata,
		"callback_id": v.CallbackID, "state": reply{"values": state}, "hash": v.wireHash(),
		"title": textObject{Type: "plain_text", Text: v.Title}, "clear_on_close": false, "notify_on_close": false,
		"previous_view_id": nil, "root_view_id": v.ID, "app_id": appID, "external_id": "", "bot_id": botID, "app_installed_team_id": s.cfg.Team,
	}
}

// filled is what stands in the inputs: what they were opened with, unless somebody filled them in.
func (v *View) filled(values map[string]string) map[string]string {
	all := maps.Clone(values)
	if all == nil {
		all = map[string]string{}
	}
	for _, b := range decodeBlocks(v.Blocks) {
		if _, given := all[b.BlockID]; !given && b.Element != nil {
			all[b.BlockID] = b.Element.initial()
		}
	}
	return all
}

// chosenAs is the field in which a menu of people or channels, or a date, is filled in.
func chosenAs(kind string) string {
	return map[string]string{
		"users_select": "selected_user", "conversations_select": "selected_conversation", "channels_select": "selected_channel",
		"datepicker": "selected_date", "timepicker": "selected_time",
	}[kind]
}

// several is what was filled in where several can be chosen; value joins them by commas.
func (e element) several(value string) reply {
	picked := strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
	if e.Type == "multi_users_select" {
		return reply{"type": e.Type, "selected_users": picked}
	}
	options := []reply{}
	for _, o := range e.Options {
		if slices.Contains(picked, o.Value) {
			options = append(options, reply{"text": o.Text, "value": o.Value})
		}
	}
	return reply{"type": e.Type, "selected_options": options}
}

func (s *Server) viewLocked(id string) *View {
	for _, v := range s.views {
		if v.ID == id {
			return v
		}
	}
	return nil
}

func (s *Server) closeViewLocked(id string) {
	s.views = slices.DeleteFunc(s.views, func(v *View) bool { return v.ID == id })
	s.changeLocked()
}

// Dismiss closes a modal without submitting it.
func (s *Server) Dismiss(viewID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeViewLocked(viewID)
}
