package incidentslack

import (
	"context"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit"
)

// markType is the type of the mark that our messages carry, see [slackkit.Mark].
const markType = "theriac_incident"

// Post writes a message with its key as a mark, or edits one. A person is written to in the channel that
// they and the app have to themselves. How often a channel is written to is kept by the client; an edit
// that says what stands there already is made all the same.
func (c *Chat) Post(ctx context.Context, p workflow.Post) (incident.Post, error) {
	m := message(p.Card)
	m.Mark = slackkit.Mark{Type: markType, Key: p.Key}
	if p.Edit != nil {
		return *p.Edit, trouble(c.client.Update(ctx, slackkit.Place{Channel: p.Edit.Channel, TS: p.Edit.ID}, m))
	}
	channel, err := c.talk(ctx, p.To)
	if err != nil {
		return incident.Post{}, err
	}
	var at slackkit.Place
	if p.To.Thread != "" {
		at, err = c.client.Reply(ctx, slackkit.Place{Channel: channel, TS: p.To.Thread}, m, false)
	} else {
		at, err = c.client.Post(ctx, channel, m)
	}
	return incident.Post{Channel: at.Channel, ID: at.TS}, trouble(err)
}

// FindPost looks for a message by its key, among the newest 1,000 of its channel or the first of its
// thread.
func (c *Chat) FindPost(ctx context.Context, to workflow.Place, key string) (incident.Post, bool, error) {
	channel, err := c.talk(ctx, to)
	if err != nil {
		return incident.Post{}, false, err
	}
	var at slackkit.Place
	var found bool
	if to.Thread != "" {
		at, found, err = c.client.FindReply(ctx, slackkit.Place{Channel: channel, TS: to.Thread}, markType, key)
	} else {
		at, found, err = c.client.FindPost(ctx, channel, markType, key)
	}
	return incident.Post{Channel: at.Channel, ID: at.TS}, found, trouble(err)
}

// talk returns the channel of a place: that of a person is opened if need be.
func (c *Chat) talk(ctx context.Context, to workflow.Place) (string, error) {
	if to.Channel != "" {
		return to.Channel, nil
	}
	user, err := c.user(ctx, to.Person)
	if err != nil {
		return "", err
	}
	channel, err := c.client.OpenTalk(ctx, user)
	return channel, trouble(err)
}
