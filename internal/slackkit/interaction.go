package slackkit

import (
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

// Kinds of interactions that reach a [Handle]. Slack's others are acknowledged and dropped.
const (
	BlockActions   = "block_actions"   // a button was pressed, or something chosen in a menu
	ViewSubmission = "view_submission" // a modal was submitted
	SlashCommand   = "slash_command"   // a command was typed, such as /theriac
)

// Interaction is what a person did. Every text in it is what Slack sent, so it came from outside.
type Interaction struct {
	// Type is BlockActions, ViewSubmission or SlashCommand.
	Type string
	// Team and User are ids. UserName is for show only: people choose it themselves.
	Team, User, UserName string
	// Channel and MessageTS are where the button stands; a modal has neither, and a command only the
	// channel it was typed in.
	Channel, MessageTS string
	// ActionID, BlockID and Value are those of the button, or of the option that was chosen. Of a command
	// they are its name with the slash, nothing, and what was typed after it.
	ActionID, BlockID, Value string
	// ActionTS is when, as Slack's timestamp.
	ActionTS string
	// TriggerID opens a modal within 3 seconds, see Answer.Modal.
	TriggerID string
	// ResponseURL answers the click, see Answer.Text. It is a secret.
	ResponseURL string
	// View is the modal that was submitted.
	View ViewState
	// Request names this act and no other, in at most 200 bytes: the message, the action and its time,
	// the modal and its submission, or the command's trigger. A store keeps it unique, and so an act is
	// done once.
	Request string
}

// ViewState is a modal with what was filled in.
type ViewState struct {
	// ID is Slack's, CallbackID and PrivateMetadata are what the modal was opened with.
	ID, CallbackID, PrivateMetadata string
	// Values is what was filled in or chosen, by block id. What was left empty is "".
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
	TriggerID   string       `json:"trigger_id"`
	ResponseURL string       `json:"response_url"`
	Actions     []wireAction `json:"actions"`
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
	ActionID string `json:"action_id"`
	BlockID  string `json:"block_id"`
	ActionTS string `json:"action_ts"`
	Value    string `json:"value"`
	Selected *struct {
		Value string `json:"value"`
	} `json:"selected_option"`
}

func (a wireAction) chosen() string {
	if a.Selected != nil {
		return a.Selected.Value
	}
	return a.Value
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
	switch w.Type {
	case BlockActions:
		if len(w.Actions) == 0 || i.User == "" {
			return Interaction{}, false, errPayload
		}
		a := w.Actions[0]
		i.ActionID, i.BlockID, i.Value, i.ActionTS = a.ActionID, a.BlockID, a.chosen(), a.ActionTS
		i.Request = requestKey("slack:act", i.Channel+"."+i.MessageTS, i.ActionID, i.ActionTS)
	case ViewSubmission:
		if w.View.ID == "" || i.User == "" {
			return Interaction{}, false, errPayload
		}
		i.View = ViewState{ID: w.View.ID, CallbackID: w.View.CallbackID, PrivateMetadata: w.View.PrivateMetadata, Values: map[string]string{}}
		for id, actions := range w.View.State.Values {
			for _, name := range slices.Sorted(maps.Keys(actions)) {
				i.View.Values[id] = actions[name].chosen()
			}
		}
		for _, b := range w.View.Blocks {
			if b.Type == "input" {
				i.View.blocks = append(i.View.blocks, b.BlockID)
			}
		}
		i.Request = requestKey("slack:view", w.View.ID, w.View.Hash, i.TriggerID)
	}
	return i, false, nil
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
