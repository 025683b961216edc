package workflow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/theriac/theriac/incident"
)

// channelSpec says what the channel of an incident is to be.
func (d Deps) channelSpec(ctx context.Context, inc *incident.Incident) (ChannelSpec, error) {
	rules, err := d.rules(ctx)
	if err != nil {
		return ChannelSpec{}, err
	}
	spec := ChannelSpec{
		IncidentID: inc.ID, Name: channelName(rules, inc, inc.Visibility == incident.Private), Private: inc.Visibility == incident.Private,
	}
	if inc.Channel != nil {
		spec.ID = inc.Channel.ID
	}
	open, err := d.mayTell(ctx, inc)
	if err != nil {
		return ChannelSpec{}, err
	}
	spec.Topic = topic(rules, inc, open)
	if link := d.Link(inc); link != "" {
		spec.Bookmarks = append(spec.Bookmarks, Bookmark{Title: inc.Ref(), URL: link})
	}
	for _, a := range inc.Attachments {
		if open && a.URL != "" && len(spec.Bookmarks) < 5 {
			spec.Bookmarks = append(spec.Bookmarks, Bookmark{Title: line(orElse(a.Title, a.Kind), 60), URL: a.URL})
		}
	}
	return spec, nil
}

// mayTell reports whether the channel of an incident may hold more than its number: everybody may see
// it, or the channel was made for those who may.
func (d Deps) mayTell(ctx context.Context, inc *incident.Incident) (bool, error) {
	if inc.Visibility != incident.Private || inc.Channel == nil {
		return true, nil
	}
	made, err := d.stores().Effect(ctx, "channel:"+inc.ID)
	if err != nil {
		return false, notFoundIsNil(err)
	}
	return strings.HasPrefix(made.Result, "private "), nil
}

// channelName is what the channel is called if that is free. A private one says nothing.
func channelName(rules *incident.Settings, inc *incident.Incident, private bool) string {
	name := orElse(rules.ChannelPrefix, "inc")
	if inc.Mode == incident.ModeTest {
		name += "-test"
	}
	name = fmt.Sprintf("%s-%d", name, inc.Number)
	if private {
		return name
	}
	if words := slug(inc.Name, 40); words != "" {
		name += "-" + words
	}
	return name
}

// slug makes a name of lower-case letters, digits and single dashes, at most limit long.
func slug(text string, limit int) string {
	var b strings.Builder
	for _, c := range strings.ToLower(text) {
		switch {
		case b.Len() >= limit:
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-")
}

// topic is the head of the channel in one line.
func topic(rules *incident.Settings, inc *incident.Incident, open bool) string {
	parts := []string{mark(inc) + inc.Ref(), string(inc.Status)}
	if open {
		parts = append(parts, orElse(severityName(rules, inc.Severity), "no severity"), "lead: "+orElse(inc.Lead(), "nobody yet"), inc.Name)
	}
	return line(strings.Join(parts, " · "), 240)
}

// digest is short and differs with the text.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}
