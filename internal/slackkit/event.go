package slackkit

import (
	"encoding/json"
	"strings"
)

// EventCallback is the type of an [Interaction] that nobody addressed to the app: something happened in a
// channel that it is in. [Interaction].Event says what. Nobody waits for an answer, so an Answer to it is
// dropped.
const EventCallback = "event_callback"

// Kinds of events that reach a [Handle]. Private channels have the same ones. Slack's others are
// acknowledged and dropped.
const (
	MessagePosted     = "message"
	MessageChanged    = "message_changed"
	MessageDeleted    = "message_deleted"
	MemberJoined      = "member_joined_channel"
	MemberLeft        = "member_left_channel"
	ReactionAdded     = "reaction_added"
	ReactionRemoved   = "reaction_removed"
	PinAdded          = "pin_added"
	PinRemoved        = "pin_removed"
	ChannelRenamed    = "channel_rename"
	ChannelArchived   = "channel_archive"
	ChannelUnarchived = "channel_unarchive"
)

// Event is what happened. Who did it is [Interaction].User, "" if Slack does not say; the channel is
// [Interaction].Channel, and the message concerned [Interaction].MessageTS.
type Event struct {
	// ID is Slack's id of the event, which a repetition has too.
	ID string
	// Kind is one of the kinds above.
	Kind string
	// TS is when, as Slack's timestamp.
	TS string
	// ThreadTS is the message that the one concerned replies to.
	ThreadTS string
	// Author is who wrote the message concerned, if that is somebody else than who did it or if only that
	// is known, and who invited somebody who joined.
	Author string
	// Text is that of the message, after the change.
	Text string
	// Name is a reaction, or the channel's new name.
	Name string
	// Bot says that the message concerned is an app's, maybe ours.
	Bot bool
}

// wireCallback is what we read of an event.
type wireCallback struct {
	Type    string          `json:"type"`
	Team    string          `json:"team_id"`
	EventID string          `json:"event_id"`
	Event   json.RawMessage `json:"event"`
	// Challenge is what Slack wants to hear again before it believes an address.
	Challenge string `json:"challenge"`
}

// wireEvent is what we read of what happened.
type wireEvent struct {
	Type      string          `json:"type"`
	Subtype   string          `json:"subtype"`
	User      json.RawMessage `json:"user"`    // an id, or all about a user
	Channel   json.RawMessage `json:"channel"` // an id, or all about a channel
	ChannelID string          `json:"channel_id"`
	TS        string          `json:"ts"`
	EventTS   string          `json:"event_ts"`
	DeletedTS string          `json:"deleted_ts"`
	Reaction  string          `json:"reaction"`
	ItemUser  string          `json:"item_user"`
	Inviter   string          `json:"inviter"`
	Team      string          `json:"team"`
	UserTeam  string          `json:"user_team"`
	Item      struct {
		Type    string     `json:"type"`
		Channel string     `json:"channel"`
		TS      string     `json:"ts"`
		Message wirePosted `json:"message"`
	} `json:"item"`
	wirePostedFields
	Message  wirePosted `json:"message"`
	Previous wirePosted `json:"previous_message"`
}

type wirePostedFields struct {
	Text     string `json:"text"`
	ThreadTS string `json:"thread_ts"`
	BotID    string `json:"bot_id"`
}

// wirePosted is a message within an event.
type wirePosted struct {
	User   string `json:"user"`
	TS     string `json:"ts"`
	Edited struct {
		User string `json:"user"`
	} `json:"edited"`
	wirePostedFields
}

// idOf reads an id that may stand alone or within an object, and the object's name.
func idOf(raw json.RawMessage) (id, name string) {
	if json.Unmarshal(raw, &id) == nil {
		return id, ""
	}
	var object struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	if json.Unmarshal(raw, &object) != nil {
		return "", ""
	}
	return object.ID, object.Name
}

// interaction reads an event. One without a Request is of a kind that we do not hear.
func (w wireCallback) interaction(team string) (i Interaction, foreign bool, err error) {
	if w.Type != EventCallback {
		// Such as app_rate_limited, which only says that events are lost.
		return Interaction{Type: w.Type, Team: w.Team}, false, nil
	}
	var e wireEvent
	if w.EventID == "" || json.Unmarshal(w.Event, &e) != nil || e.Type == "" {
		return Interaction{}, false, errPayload
	}
	i = Interaction{Type: EventCallback, Team: w.Team}
	if w.Team != team || e.Team != "" && e.Team != team || e.UserTeam != "" && e.UserTeam != team {
		return i, true, nil
	}
	var object string
	i.User, _ = idOf(e.User)
	i.Channel, object = idOf(e.Channel)
	i.Event = Event{ID: w.EventID, Kind: strings.Replace(e.Type, "group_", "channel_", 1), TS: e.EventTS}
	if !e.fill(&i, object) || i.Channel == "" {
		return Interaction{Type: EventCallback, Team: w.Team}, false, nil
	}
	i.Request = requestKey("slack:event", w.EventID)
	return i, false, nil
}

// fill reads what each kind has of its own, and returns false for a kind that we do not hear.
func (e wireEvent) fill(i *Interaction, name string) bool {
	switch i.Event.Kind {
	case MessagePosted:
		return e.message(i)
	case MemberJoined:
		i.Event.Author = e.Inviter
	case MemberLeft, ChannelArchived, ChannelUnarchived:
	case ReactionAdded, ReactionRemoved:
		i.Channel, i.MessageTS, i.Event.Author, i.Event.Name = e.Item.Channel, e.Item.TS, e.ItemUser, e.Reaction
		return e.Item.Type == "message"
	case PinAdded, PinRemoved:
		m := e.Item.Message
		i.MessageTS, i.Event.Author, i.Event.Text, i.Event.ThreadTS, i.Event.Bot = m.TS, m.User, m.Text, m.ThreadTS, m.BotID != ""
		if i.Channel = e.ChannelID; i.Channel == "" {
			i.Channel = e.Item.Channel
		}
		return m.TS != ""
	case ChannelRenamed:
		i.Event.Name = name
	default:
		return false
	}
	return true
}

// message reads a message that was posted, changed or deleted.
func (e wireEvent) message(i *Interaction) bool {
	v := &i.Event
	switch e.Subtype {
	case "", "bot_message", "thread_broadcast", "file_share", "me_message":
		i.MessageTS, v.Text, v.ThreadTS, v.Bot = e.TS, e.Text, e.ThreadTS, e.BotID != "" || e.Subtype == "bot_message"
	case MessageChanged:
		m := e.Message
		i.MessageTS, i.User, v.Author, v.Text, v.ThreadTS, v.Bot = m.TS, m.Edited.User, m.User, m.Text, m.ThreadTS, m.BotID != ""
	case MessageDeleted:
		m := e.Previous
		i.MessageTS, v.Author, v.ThreadTS, v.Bot = e.DeletedTS, m.User, m.ThreadTS, m.BotID != ""
	default:
		// Somebody joined, the topic was set, ...: these have events of their own, or are of no use.
		return false
	}
	if e.Subtype == MessageChanged || e.Subtype == MessageDeleted {
		v.Kind = e.Subtype
	}
	return i.MessageTS != ""
}
