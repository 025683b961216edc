package slackkit

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slack-go/slack"
)

// Types of interactions that reach a [Handle], and [EventCallback]. Slack's others are acknowledged and
// dropped.
const (
	BlockActions   = "block_actions"   // a button was pressed, or something chosen in a menu
	ViewSubmission = "view_submission" // a modal was submitted
	SlashCommand   = "slash_command"   // a command was typed, such as /theriac
	MessageAction  = "message_action"  // a shortcut was chosen in the menu of a message
	Shortcut       = "shortcut"        // a shortcut was chosen that belongs to no message
)

// Interaction is what a person did. Every text in it is what Slack sent, so it came from outside.
type Interaction struct {
	// Type is BlockActions, ViewSubmission, SlashCommand, MessageAction, Shortcut or EventCallback.
	Type string
	// Team and User are ids. UserName is for show only: people choose it themselves.
	Team, User, UserName string
	// Channel and MessageTS are where the button stands, or which message a shortcut was chosen for; a
	// modal and a global shortcut have neither, and a command only the channel it was typed in.
	Channel, MessageTS string
	// ActionID, BlockID and Value are those of the button, or of the option that was chosen. Of a command
	// they are its name with the slash, nothing, and what was typed after it; of a shortcut its callback
	// id, nothing, and the text of the message.
	ActionID, BlockID, Value string
	// Author is who wrote the message that a shortcut was chosen for; "" for an app.
	Author string
	// ActionTS is when, as Slack's timestamp.
	ActionTS string
	// TriggerID opens a modal within 3 seconds, see Answer.Modal.
	TriggerID string
	// ResponseURL answers the click, see Answer.Text. It is a secret.
	ResponseURL string
	// View is the modal that was submitted.
	View ViewState
	// Event is what happened, if Type is EventCallback.
	Event Event
	// Request names this act and no other, in at most 200 bytes: the message, the action and its time,
	// the modal and its submission, the trigger of a command or shortcut, or the event. A store keeps it
	// unique, and so an act is done once.
	Request string
}

// ViewState is a modal with what was filled in.
type ViewState struct {
	// ID is Slack's, CallbackID and PrivateMetadata are what the modal was opened with.
	ID, CallbackID, PrivateMetadata string
	// Hash changes with what the modal shows, see [Client.UpdateView].
	Hash string
	// Values is what was filled in or chosen, by block id: a text, the value of an option, the id of a user
	// or channel, a date. Of several they are joined by commas. What was left empty is "".
	Values map[string]string
	// blocks holds the ids of inputs in their order.
	blocks []string
}

// Place returns where the button stands.
func (i Interaction) Place() Place { return Place{Channel: i.Channel, TS: i.MessageTS} }

// Answer is what a person is told.
type Answer struct {
	// Text is shown to that person alone; "" says nothing. It is mrkdwn. A click is answered through its
	// ResponseURL, a modal in Channel.
	Text string
	// Channel is where Text is shown after a modal, which knows of no channel itself: whoever opened it
	// kept that in PrivateMetadata. Ignored for clicks.
	Channel string
	// ViewErrors keep a submitted modal open and say what is wrong, by block id. An answer that is late
	// shows them as Text.
	ViewErrors map[string]string
	// Modal is opened after a click, and takes the place of a submitted modal unless it is late.
	Modal *slack.ModalViewRequest
	// Reply is written once the person was answered. It is for what is kept elsewhere, too: one that
	// Slack does not take is tried twice, and then only logged.
	Reply *Reply
}

// Reply is what everybody reads in the thread of a message.
type Reply struct {
	// To is the message.
	To Place
	// Message is what is said.
	Message Message
}

// wireInteraction is what we read of a payload.
type wireInteraction struct {
	Type string `json:"type"`
	Team *struct {
		ID string `json:"id"`
	} `json:"team"`
	User struct {
		ID       string `json:"id"`
		Name     string `json:"name"`
		Username string `json:"username"`
		TeamID   string `json:"team_id"`
	} `json:"user"`
	Container struct {
		MessageTS string `json:"message_ts"`
		ChannelID string `json:"channel_id"`
	} `json:"container"`
	Channel struct {
		ID string `json:"id"`
	} `json:"channel"`
	TriggerID   string          `json:"trigger_id"`
	ResponseURL string          `json:"response_url"`
	CallbackID  string          `json:"callback_id"`
	ActionTS    string          `json:"action_ts"`
	MessageTS   string          `json:"message_ts"`
	Message     json.RawMessage `json:"message"` // of others, it may be anything
	Actions     []wireAction    `json:"actions"`
	View        struct {
		ID              string `json:"id"`
		Hash            string `json:"hash"`
		CallbackID      string `json:"callback_id"`
		PrivateMetadata string `json:"private_metadata"`
		Blocks          []struct {
			Type    string `json:"type"`
			BlockID string `json:"block_id"`
		} `json:"blocks"`
		State struct {
			Values map[string]map[string]wireAction `json:"values"`
		} `json:"state"`
	} `json:"view"`
}

type wireAction struct {
	ActionID string      `json:"action_id"`
	BlockID  string      `json:"block_id"`
	ActionTS string      `json:"action_ts"`
	Value    string      `json:"value"`
	Selected *wireOption `json:"selected_option"`
	// Menus of people and channels, dates, and menus of which several options are chosen.
	User    string       `json:"selected_user"`
	Channel string       `json:"selected_channel"`
	Talk    string       `json:"selected_conversation"`
	Date    string       `json:"selected_date"`
	Time    string       `json:"selected_time"`
	Users   []string     `json:"selected_users"`
	Options []wireOption `json:"selected_options"`
}

type wireOption struct {
	Value string `json:"value"`
}

func (a wireAction) chosen() string {
	if a.Selected != nil {
		return a.Selected.Value
	}
	several := a.Users
	for _, o := range a.Options {
		several = append(several, o.Value)
	}
	return cmp.Or(a.Value, a.User, a.Channel, a.Talk, a.Date, a.Time, strings.Join(several, ","))
}

// errPayload is the one reason that is given for a payload that is none.
var errPayload = errors.New("the payload is no interaction")

// parseInteraction reads a payload. Foreign reports who is not of the workspace.
func parseInteraction(payload []byte, team string) (i Interaction, foreign bool, err error) {
	var w wireInteraction
	if err := json.Unmarshal(payload, &w); err != nil || w.Type == "" {
		return Interaction{}, false, errPayload
	}
	i = Interaction{
		Type: w.Type, User: w.User.ID, UserName: w.User.Username, TriggerID: w.TriggerID, ResponseURL: w.ResponseURL,
		Channel: w.Channel.ID, MessageTS: w.Container.MessageTS, Team: w.User.TeamID,
	}
	if i.UserName == "" {
		i.UserName = w.User.Name
	}
	if i.Channel == "" {
		i.Channel = w.Container.ChannelID
	}
	if w.Team != nil {
		i.Team = w.Team.ID
	}
	// In a shared channel somebody of another workspace can press our buttons.
	if i.Team != team || w.User.TeamID != "" && w.User.TeamID != team {
		return i, true, nil
	}
	if !w.fill(&i) || i.Request != "" && i.User == "" {
		return Interaction{}, false, errPayload
	}
	return i, false, nil
}

// fill reads what each type has of its own, and returns false if that is not there.
func (w wireInteraction) fill(i *Interaction) bool {
	switch w.Type {
	case BlockActions:
		if len(w.Actions) == 0 {
			return false
		}
		a := w.Actions[0]
		i.ActionID, i.BlockID, i.Value, i.ActionTS = a.ActionID, a.BlockID, a.chosen(), a.ActionTS
		where := i.Channel + "." + i.MessageTS
		if i.MessageTS == "" && w.View.ID != "" { // a button within a modal
			where = w.View.ID
			i.View = w.view()
		}
		i.Request = requestKey("slack:act", where, i.ActionID, i.ActionTS)
	case ViewSubmission:
		if w.View.ID == "" {
			return false
		}
		i.View = w.view()
		i.Request = requestKey("slack:view", w.View.ID, w.View.Hash, i.TriggerID)
	case MessageAction, Shortcut:
		if w.CallbackID == "" || i.TriggerID == "" {
			return false
		}
		i.ActionID, i.ActionTS = w.CallbackID, w.ActionTS
		if w.Type == MessageAction {
			var m wirePosted
			_ = json.Unmarshal(w.Message, &m)
			i.MessageTS, i.Value, i.Author = cmp.Or(w.MessageTS, m.TS), m.Text, m.User
		}
		i.Request = requestKey("slack:short", i.TriggerID)
	}
	return true
}

// view reads the modal and what was filled in.
func (w wireInteraction) view() ViewState {
	v := ViewState{ID: w.View.ID, CallbackID: w.View.CallbackID, PrivateMetadata: w.View.PrivateMetadata, Hash: w.View.Hash, Values: map[string]string{}}
	for id, actions := range w.View.State.Values {
		for _, name := range slices.Sorted(maps.Keys(actions)) {
			v.Values[id] = actions[name].chosen()
		}
	}
	for _, b := range w.View.Blocks {
		if b.Type == "input" {
			v.blocks = append(v.blocks, b.BlockID)
		}
	}
	return v
}

// wireCommand is what we read of a command. Socket Mode sends it as JSON, HTTP as a form.
type wireCommand struct {
	Team        string `json:"team_id"`
	Channel     string `json:"channel_id"`
	User        string `json:"user_id"`
	UserName    string `json:"user_name"`
	Command     string `json:"command"`
	Text        string `json:"text"`
	ResponseURL string `json:"response_url"`
	TriggerID   string `json:"trigger_id"`
}

func (w wireCommand) interaction(team string) (i Interaction, foreign bool, err error) {
	i = Interaction{
		Type: SlashCommand, Team: w.Team, User: w.User, UserName: w.UserName, Channel: w.Channel, ActionID: w.Command, Value: w.Text,
		TriggerID: w.TriggerID, ResponseURL: w.ResponseURL, Request: requestKey("slack:cmd", w.TriggerID),
	}
	switch {
	case w.Command == "" || w.User == "" || w.TriggerID == "":
		return Interaction{}, false, errPayload
	default:
		return i, w.Team != team, nil
	}
}

// requestKey joins parts into a key. One that is too long, or whose parts could be read in two ways, is
// replaced by its digest.
func requestKey(kind string, parts ...string) string {
	key := kind + ":" + strings.Join(parts, ":")
	plain := len(key) <= 200 && !strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' })
	// The action in the middle may hold colons ("q:take"), what stands around it may not.
	if plain && !strings.Contains(parts[0], ":") && !strings.Contains(parts[len(parts)-1], ":") {
		return key
	}
	sum := sha256.New()
	for _, part := range parts {
		_, _ = fmt.Fprintf(sum, "%d:%s,", len(part), part)
	}
	return kind + ":" + hex.EncodeToString(sum.Sum(nil))
}

// viewErrors is a text for a modal that does not say which of its inputs is at fault.
func (v ViewState) viewErrors(text string) map[string]string {
	if len(v.blocks) > 0 {
		return map[string]string{v.blocks[0]: text}
	}
	for _, id := range slices.Sorted(maps.Keys(v.Values)) {
		return map[string]string{id: text}
	}
	return nil
}
