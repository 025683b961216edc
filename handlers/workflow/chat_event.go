package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
)

// ChatKind is what happened in a channel.
type ChatKind string

// The kinds.
const (
	ChatMessage ChatKind = "message"
	ChatJoined  ChatKind = "joined"
	ChatLeft    ChatKind = "left"
	ChatPinned  ChatKind = "pinned"
	ChatReacted ChatKind = "reacted"
	ChatChanged ChatKind = "changed"
	ChatDeleted ChatKind = "deleted"
	ChatRenamed ChatKind = "renamed"
)

// ChatEvent is the body of a message of the topic slack-activity: JSON in the words of no chat, written
// by whoever takes its requests. Its row has Kind as kind.
type ChatEvent struct {
	V    int       `json:"v"` // 1
	ID   string    `json:"id"`
	Kind ChatKind  `json:"kind"`
	At   time.Time `json:"at,omitzero"`
	// Channel is where, User who did it: ids of the chat.
	Channel string `json:"channel"`
	User    string `json:"user,omitempty"`
	// Message is the id of the message that it is about, MessageAt when that was written. Text is its text,
	// and "" for what is only counted: the text of an ordinary message is not kept.
	Message   string    `json:"message,omitempty"`
	MessageAt time.Time `json:"message_at,omitzero"`
	Text      string    `json:"text,omitempty"`
	// Name is a reaction's, or the new one of a channel.
	Name string `json:"name,omitempty"`
	// Bot marks what no human did.
	Bot bool `json:"bot,omitempty"`
}

// ParseChatEvent reads one. Of kinds that are not known it says nothing: a chat has many.
func ParseChatEvent(data []byte) (ChatEvent, error) {
	var e ChatEvent
	if err := json.Unmarshal(data, &e); err != nil {
		return e, err
	}
	switch {
	case e.V != 1:
		return e, fmt.Errorf("events of a chat in version %d are not known", e.V)
	case e.ID == "" || e.Channel == "" || len(e.ID) > 200 || len(e.Channel) > 200 || len(e.Message) > 200:
		return e, fmt.Errorf("an event of a chat needs an id and a channel, of at most 200 bytes")
	}
	return e, nil
}

// channelKey is the key by which what happens in a channel finds its incident.
func channelKey(channel string) string { return "channel:" + channel }

// onChat makes a handler of what happens in the channels of incidents. What happens elsewhere, or is done
// by nobody we know, is acknowledged.
func (d Deps) onChat(kinds []ChatKind, maxAge time.Duration, fn func(context.Context, chatted) error) handlers.Handler {
	return d.onRow(nil, func(ctx context.Context, r row) (string, error) {
		e, err := ParseChatEvent(r.body)
		if err != nil {
			return "", handlers.Undecodable(err)
		}
		if e.Bot || !contains(kinds, e.Kind) || d.age(r) > maxAge {
			return "", nil
		}
		inc, err := d.byKey(ctx, channelKey(e.Channel))
		if err != nil {
			return "", notFoundIsNil(err)
		}
		p, err := d.stores().Person(ctx, e.User)
		if err != nil && !errors.Is(err, incident.ErrNotFound) {
			return "", err
		}
		if e.At.IsZero() {
			e.At = r.stored
		}
		return "", fn(ctx, chatted{e: e, inc: inc, person: p})
	})
}

// chatted is something that happened in the channel of an incident. Person.ID is "" if nobody knows who
// did it.
type chatted struct {
	e      ChatEvent
	inc    incident.Incident
	person incident.Person
}

// actor is who did it.
func (c chatted) actor() incident.Actor {
	return incident.Actor{Kind: incident.ByPerson, ID: c.person.ID, Name: c.person.Name, Role: c.person.Role}
}

// contains reports whether a kind is among some.
func contains(kinds []ChatKind, k ChatKind) bool {
	for _, o := range kinds {
		if o == k {
			return true
		}
	}
	return false
}
