package slackkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Channel is a channel as Slack describes it. Its texts were written by people, and Slack sends & < > in
// them as entities.
type Channel struct {
	ID, Name string
	// Topic and Purpose are what stands above the channel and what it is for.
	Topic, Purpose string
	// Private, Archived and Member say that only members see it, that nothing can be done in it any more,
	// and that the app is in it.
	Private, Archived, Member bool
	// Creator is the user who made it; for a channel of ours that is [Identity].UserID.
	Creator string
	// Created is when, to the second.
	Created time.Time
}

type wireChannel struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Private  bool   `json:"is_private"`
	Archived bool   `json:"is_archived"`
	Member   bool   `json:"is_member"`
	Creator  string `json:"creator"`
	Created  int64  `json:"created"`
	Topic    struct {
		Value string `json:"value"`
	} `json:"topic"`
	Purpose struct {
		Value string `json:"value"`
	} `json:"purpose"`
}

func (w wireChannel) channel() Channel {
	c := Channel{ID: w.ID, Name: w.Name, Topic: w.Topic.Value, Purpose: w.Purpose.Value, Private: w.Private, Archived: w.Archived,
		Member: w.Member, Creator: w.Creator}
	if w.Created > 0 {
		c.Created = time.Unix(w.Created, 0).UTC()
	}
	return c
}

// aboutChannel is how an answer carries a channel.
type aboutChannel struct {
	Channel wireChannel `json:"channel"`
}

// ChannelName makes a name that Slack allows out of any text: lower case ASCII letters, digits, hyphens
// and underscores, at most 80. What is left of a text without any of them is "".
func ChannelName(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= maxChannelName {
			break
		}
	}
	return strings.Trim(b.String(), "-")
}

const maxChannelName = 80

// CreateChannel makes a channel with the app in it. Refusals to decide by are [ErrNameTaken] and
// [ErrInvalidName]. After an error that is [InDoubt] the channel may be there, without topic and purpose:
// the next try says ErrNameTaken, and [Client.FindChannel] finds it with the app as its Creator.
func (c *Client) CreateChannel(ctx context.Context, name string, private bool) (Channel, error) {
	payload := struct {
		Name    string `json:"name"`
		Private bool   `json:"is_private"`
	}{name, private}
	return c.changeChannel(ctx, "conversations.create", payload)
}

// changeChannel calls a method that answers with the channel.
func (c *Client) changeChannel(ctx context.Context, method string, payload any) (Channel, error) {
	var got aboutChannel
	_, err := c.call(ctx, request{method: method, token: c.token, lane: method, patient: c.maxWait, payload: payload, into: &got})
	switch {
	case err != nil:
		return Channel{}, err
	case got.Channel.ID == "":
		return Channel{}, &RetryError{Method: method, Maybe: true, Err: errNoChannel}
	default:
		return got.Channel.channel(), nil
	}
}

var errNoChannel = errors.New("answer does not say which channel")

// Channel returns what Slack knows of a channel, by its id.
func (c *Client) Channel(ctx context.Context, id string) (Channel, error) {
	const method = "conversations.info"
	var got aboutChannel
	if err := c.read(ctx, method, url.Values{"channel": {id}}, &got); err != nil {
		return Channel{}, err
	}
	if got.Channel.ID == "" {
		return Channel{}, &RetryError{Method: method, Err: errNoChannel}
	}
	return got.Channel.channel(), nil
}

// Bounds of [Client.FindChannel]. Slack may put less into a page than was asked for.
const (
	channelsPerPage = 1000
	maxChannelPages = 50
)

// FindChannel looks for a channel by its exact name, archived ones included, and returns false if there
// is none. Slack cannot be asked for a name, so this reads the list of all channels and is slow in a
// large workspace; it gives up after 50 pages with a *[PermanentError] of code too_many_channels. Private
// channels that the app is not in are not found.
func (c *Client) FindChannel(ctx context.Context, name string) (Channel, bool, error) {
	const method = "conversations.list"
	form := url.Values{"types": {"public_channel,private_channel"}, "exclude_archived": {"false"}, "limit": {strconv.Itoa(channelsPerPage)}}
	for range maxChannelPages {
		var page struct {
			Channels []wireChannel `json:"channels"`
			next
		}
		if err := c.read(ctx, method, form, &page); err != nil {
			return Channel{}, false, err
		}
		at := slices.IndexFunc(page.Channels, func(one wireChannel) bool { return one.Name == name && one.ID != "" })
		if at >= 0 {
			return page.Channels[at].channel(), true, nil
		}
		if !page.turn(form) {
			return Channel{}, false, nil
		}
	}
	return Channel{}, false, &PermanentError{Method: method, Code: "too_many_channels"}
}

// next is how a page says where the next one begins.
type next struct {
	Metadata struct {
		Cursor string `json:"next_cursor"`
	} `json:"response_metadata"`
}

// turn asks for the next page in form, and returns false after the last.
func (n next) turn(form url.Values) bool {
	cursor := n.Metadata.Cursor
	// A cursor that does not move would have us read the same page for ever.
	if cursor == "" || cursor == form.Get("cursor") || len(cursor) > 1000 {
		return false
	}
	form.Set("cursor", cursor)
	return true
}

// SetTopic writes above a channel, at most 250 characters; what comes from outside goes through [Escape]
// first. Everybody in the channel is told, so it is for changes only. To repeat it is harmless.
func (c *Client) SetTopic(ctx context.Context, channel, topic string) error {
	_, err := c.do(ctx, "conversations.setTopic", struct {
		Channel string `json:"channel"`
		Topic   string `json:"topic"`
	}{channel, topic})
	return err
}

// SetPurpose says what a channel is for, at most 250 characters. It is as SetTopic.
func (c *Client) SetPurpose(ctx context.Context, channel, purpose string) error {
	_, err := c.do(ctx, "conversations.setPurpose", struct {
		Channel string `json:"channel"`
		Purpose string `json:"purpose"`
	}{channel, purpose})
	return err
}

// onChannel is what many methods take.
type onChannel struct {
	Channel string `json:"channel"`
}

// Archive closes a channel. [ErrAlreadyArchived] is as good as success.
func (c *Client) Archive(ctx context.Context, channel string) error {
	_, err := c.do(ctx, "conversations.archive", onChannel{channel})
	return err
}

// Unarchive brings an archived channel back. [ErrNotArchived] is as good as success.
//
// Slack takes bots out of a channel that is archived, and lets only members bring it back: with a bot's
// token it answers [ErrNotInChannel], and a person has to do it, or another channel has to be made.
func (c *Client) Unarchive(ctx context.Context, channel string) error {
	_, err := c.do(ctx, "conversations.unarchive", onChannel{channel})
	return err
}

// maxInvited is how many people Slack takes in one invitation.
const maxInvited = 100

// InviteError says who of several people was not invited, and why. Everybody else is in the channel.
type InviteError struct {
	// Refused are the refusals, by user id.
	Refused map[string]*PermanentError
}

// Error counts the refusals and tells one.
func (e *InviteError) Error() string {
	return fmt.Sprintf("%d people were not invited, one of them: %v", len(e.Refused), e.one())
}

// Unwrap returns one of the refusals.
func (e *InviteError) Unwrap() error { return e.one() }

func (e *InviteError) one() *PermanentError {
	var first string
	for user := range e.Refused {
		if first == "" || user < first {
			first = user
		}
	}
	return e.Refused[first]
}

// Invite brings users into a channel, any number. Who is there already, or cannot be invited, does not
// keep the others out. For one user the error is that user's *[PermanentError], such as
// [ErrAlreadyInChannel] and [ErrCannotInviteSelf], which are as good as success; for several it is an
// *[InviteError]. To repeat it is harmless.
func (c *Client) Invite(ctx context.Context, channel string, users ...string) error {
	all := &InviteError{Refused: map[string]*PermanentError{}}
	for batch := range slices.Chunk(users, maxInvited) {
		err := c.invite(ctx, channel, batch, all.Refused)
		if err != nil {
			return err
		}
	}
	switch {
	case len(all.Refused) == 0:
		return nil
	case len(users) == 1:
		return all.one()
	default:
		return all
	}
}

// invite invites as many as Slack takes at once, and adds who was refused.
func (c *Client) invite(ctx context.Context, channel string, users []string, refused map[string]*PermanentError) error {
	const method = "conversations.invite"
	got, err := c.do(ctx, method, struct {
		Channel string `json:"channel"`
		Users   string `json:"users"`
		Force   bool   `json:"force"` // go on with the others
	}{channel, strings.Join(users, ","), true})
	if err != nil && !IsPermanent(err) {
		return err
	}
	var each []struct {
		User  string `json:"user"`
		Error string `json:"error"`
	}
	if json.Unmarshal(got.Errors, &each) == nil {
		for _, one := range each {
			if slices.Contains(users, one.User) && one.Error != "" {
				refused[one.User] = &PermanentError{Method: method, Code: cleanCode(one.Error)}
				err = nil
			}
		}
	}
	if refusal, ok := errors.AsType[*PermanentError](err); ok && len(users) == 1 {
		refused[users[0]], err = refusal, nil
	}
	return err
}
