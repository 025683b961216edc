package slackkit

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"sync"
)

// Mark is what a message is found by: Slack keeps it beside the message, and no person sees it. The zero
// Mark is none.
type Mark struct {
	// Type says what kind of message it is, such as "headline": lower case letters, digits and
	// underscores.
	Type string
	// Key names the message within its kind.
	Key string
}

// metadata is a mark as Slack takes it.
type metadata struct {
	Type    string `json:"event_type"`
	Payload struct {
		Key string `json:"key"`
	} `json:"event_payload"`
}

func (m Mark) wire() *metadata {
	if m == (Mark{}) {
		return nil
	}
	out := &metadata{Type: m.Type}
	out.Payload.Key = m.Key
	return out
}

// self is who we are, once we know.
type self struct {
	mu sync.Mutex
	id Identity
}

// Self is [Client.Check], asked once: a token stands for the same bot as long as it lives.
func (c *Client) Self(ctx context.Context) (Identity, error) {
	c.self.mu.Lock()
	known := c.self.id
	c.self.mu.Unlock()
	if known.UserID != "" {
		return known, nil
	}
	id, err := c.Check(ctx)
	if err == nil {
		c.self.mu.Lock()
		defer c.self.mu.Unlock()
		c.self.id = id
	}
	return id, err
}

// Bounds of [Client.FindPost].
const (
	messagesPerPage = 100
	maxMessagePages = 10
)

// FindPost looks for a message of ours with a mark of this type and key in a channel, the newest first,
// and returns false if it is not among the newest 1,000. Replies in threads are found by
// [Client.FindReply] only.
func (c *Client) FindPost(ctx context.Context, channel, markType, key string) (Place, bool, error) {
	return c.find(ctx, "conversations.history", url.Values{"channel": {channel}}, Mark{markType, key})
}

// FindReply looks for a reply of ours with a mark in the thread under p, among its first 1,000.
func (c *Client) FindReply(ctx context.Context, p Place, markType, key string) (Place, bool, error) {
	return c.find(ctx, "conversations.replies", url.Values{"channel": {p.Channel}, "ts": {p.TS}}, Mark{markType, key})
}

func (c *Client) find(ctx context.Context, method string, form url.Values, mark Mark) (Place, bool, error) {
	// Anybody's app can write any mark.
	us, err := c.Self(ctx)
	if err != nil {
		return Place{}, false, err
	}
	form.Set("include_all_metadata", "true")
	form.Set("limit", strconv.Itoa(messagesPerPage))
	for range maxMessagePages {
		var page struct {
			Messages []wireMessage `json:"messages"`
			next
		}
		if err := c.read(ctx, method, form, &page); err != nil {
			return Place{}, false, err
		}
		for _, m := range page.Messages {
			if m.of(us) && m.mark() == mark && m.TS != "" {
				return Place{Channel: form.Get("channel"), TS: m.TS}, true, nil
			}
		}
		if !page.turn(form) {
			break
		}
	}
	return Place{}, false, nil
}

// wireMessage is what we read of a message in a channel's history.
type wireMessage struct {
	TS       string          `json:"ts"`
	User     string          `json:"user"`
	BotID    string          `json:"bot_id"`
	Metadata json.RawMessage `json:"metadata"` // of others, it may be anything
}

func (m wireMessage) of(us Identity) bool {
	return us.BotID != "" && m.BotID == us.BotID || us.UserID != "" && m.User == us.UserID
}

func (m wireMessage) mark() Mark {
	var w metadata
	if json.Unmarshal(m.Metadata, &w) != nil {
		return Mark{}
	}
	return Mark{Type: w.Type, Key: w.Payload.Key}
}
