package incidentslack

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/slackkit"
)

const (
	headMax     = 250 // characters of a topic or purpose; Slack's
	bookmarkMax = 60  // characters of a bookmark's title
	nameMax     = 76  // characters of a channel's name, which leaves room for a number
	maxNames    = 20  // names that are tried for one channel
)

// EnsureChannel makes the channel of an incident, or finds the one that was made, by the incident's id
// in its purpose, and gives it topic and bookmarks as far as they differ. A channel of the same name that
// is another's, put away, or open to more than the incident is, is passed over for the next name: with -2
// at its end, then -3.
func (c *Chat) EnsureChannel(ctx context.Context, spec workflow.ChannelSpec) (incident.Channel, error) {
	if err := c.putAway(ctx, spec); err != nil {
		return incident.Channel{}, err
	}
	found, err := c.channel(ctx, spec)
	if err != nil {
		return incident.Channel{}, trouble(err)
	}
	if found.Archived {
		return incident.Channel{}, workflow.Never(errors.New("the channel is archived"))
	}
	for _, step := range []func(context.Context, slackkit.Channel, workflow.ChannelSpec) error{c.describe, c.entitle, c.bookmark} {
		if err := step(ctx, found, spec); err != nil {
			return incident.Channel{}, trouble(err)
		}
	}
	return incident.Channel{ID: found.ID, Name: found.Name}, nil
}

// putAway archives the channel that was made before the incident became private: all see it, and nobody
// was told of it.
func (c *Chat) putAway(ctx context.Context, spec workflow.ChannelSpec) error {
	name := slackkit.ChannelName(spec.Outgrown)
	if spec.Outgrown == "" || spec.ID != "" || name == slackkit.ChannelName(spec.Name) {
		return nil
	}
	found, ok, err := c.client.FindChannel(ctx, name)
	if err != nil || !ok || found.Private {
		return trouble(err)
	}
	old := spec
	old.Private = false
	if ours, err := c.ours(ctx, found, old); err != nil || !ours {
		return trouble(err)
	}
	return c.SetArchived(ctx, found.ID, true)
}

// channel returns the channel that is known, or makes or finds one.
func (c *Chat) channel(ctx context.Context, spec workflow.ChannelSpec) (slackkit.Channel, error) {
	if spec.ID != "" {
		return c.client.Channel(ctx, spec.ID)
	}
	base := slackkit.ChannelName(spec.Name)
	if base == "" {
		base = slackkit.ChannelName("inc-" + spec.IncidentID)
	}
	base = strings.Trim(base[:min(len(base), nameMax)], "-")
	for n := 1; n <= maxNames; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		made, err := c.client.CreateChannel(ctx, name, spec.Private)
		if !errors.Is(err, slackkit.ErrNameTaken) {
			return made, err
		}
		found, ok, err := c.client.FindChannel(ctx, name)
		if err != nil {
			return slackkit.Channel{}, err
		}
		if ok {
			ours, err := c.ours(ctx, found, spec)
			if err != nil || ours {
				return found, err
			}
		}
	}
	return slackkit.Channel{}, workflow.Never(fmt.Errorf("all of %d names for the channel are taken", maxNames))
}

// ours reports whether a channel was made for this incident: it is the app's own and says so, or says
// nothing yet, since the app died before it could. One that more people see than may see the incident is
// left alone.
func (c *Chat) ours(ctx context.Context, found slackkit.Channel, spec workflow.ChannelSpec) (bool, error) {
	us, err := c.client.Self(ctx)
	if err != nil {
		return false, err
	}
	said := found.Purpose == "" || strings.HasSuffix(found.Purpose, purposeMark+spec.IncidentID)
	return found.Creator == us.UserID && said && !found.Archived && (found.Private || !spec.Private), nil
}

// purposeMark stands before the incident's id in the purpose of its channel.
const purposeMark = "Theriac incident "

// describe writes down whose channel it is. That comes first: by it the channel is found again.
func (c *Chat) describe(ctx context.Context, found slackkit.Channel, spec workflow.ChannelSpec) error {
	if spec.ID != "" || found.Purpose != "" {
		return nil
	}
	return c.client.SetPurpose(ctx, found.ID, slackkit.Escape(purposeMark+spec.IncidentID, headMax))
}

// entitle writes the topic, if it is another one: everybody in the channel is told of a change.
func (c *Chat) entitle(ctx context.Context, found slackkit.Channel, spec workflow.ChannelSpec) error {
	topic := escape(spec.Topic, headMax)
	if topic == "" || html.UnescapeString(found.Topic) == html.UnescapeString(topic) {
		return nil
	}
	return c.client.SetTopic(ctx, found.ID, topic)
}

// bookmark adds the links that are not there. One that Slack does not take is missing, and no reason to
// have no channel.
func (c *Chat) bookmark(ctx context.Context, found slackkit.Channel, spec workflow.ChannelSpec) error {
	if len(spec.Bookmarks) == 0 {
		return nil
	}
	there, err := c.client.ListBookmarks(ctx, found.ID)
	if err != nil {
		return c.optional(ctx, err)
	}
	for _, b := range spec.Bookmarks {
		title := plain(b.Title, bookmarkMax)
		known := slices.ContainsFunc(there, func(o slackkit.Bookmark) bool {
			return html.UnescapeString(o.Title) == html.UnescapeString(title) || o.Link == b.URL
		})
		if known || title == "" || !isLink(b.URL) {
			continue
		}
		if _, err := c.client.AddBookmark(ctx, found.ID, title, b.URL); err != nil {
			if err := c.optional(ctx, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// optional forgets a refusal, after it was logged.
func (c *Chat) optional(ctx context.Context, err error) error {
	if !slackkit.IsPermanent(err) {
		return err
	}
	c.log.WarnContext(ctx, "a channel has no bookmark that it should have", "err", err)
	return nil
}

// isLink accepts what Slack may link to.
func isLink(address string) bool {
	u, err := url.Parse(address)
	return err == nil && len(address) <= 3000 && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}
