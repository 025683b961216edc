package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/theriac/theriac/incident"
)

const announcePostName = "announce.post"

// announcePost keeps one headline of the incident in each channel that hears of it.
func (d Deps) announcePost() Registration {
	types := []incident.EventType{
		incident.EvDeclared, incident.EvAccepted, incident.EvStatus, incident.EvSeverity,
		incident.EvPrivate, incident.EvEdited, incident.EvAssigned, incident.EvHandedOff, incident.EvUnassign,
		incident.EvUpdate, incident.EvEffectDone,
	}
	const maxAge = time.Hour
	return Registration{
		Name: announcePostName, Topic: incident.TopicEvents, Types: names(types...), Critical: true,
		Timeout: 20 * time.Second, MaxAge: maxAge, Shed: ShedNever, Purge: PurgeAsk,
		Handler: d.onEvent(maxAge, types, d.onHeadline),
	}
}

// onHeadline brings every headline to where the incident is.
func (d Deps) onHeadline(ctx context.Context, r received) error {
	if d.Chat == nil || r.ev.Type == incident.EvEffectDone && !madeChannel(r.ev) {
		return nil
	}
	rules, err := d.rules(ctx)
	if err != nil {
		return err
	}
	var all error
	for _, h := range headlines(rules, &r.inc) {
		all = errors.Join(all, d.keepHeadline(ctx, rules, r, h))
	}
	return all
}

// headlinePlace is a channel that hears of incidents. Where a headline is not wanted, one that is there
// all the same is kept right.
type headlinePlace struct {
	channel, key string
	wanted       bool
}

// headlines returns where the incident is announced, or may have been.
func headlines(rules *incident.Settings, inc *incident.Incident) []headlinePlace {
	wanted := announced(rules, inc, func(incident.Announce) bool { return true })
	var places []headlinePlace
	add := func(channel string) {
		if channel != "" && !slices.ContainsFunc(places, func(h headlinePlace) bool { return h.channel == channel }) {
			places = append(places, headlinePlace{channel, "headline:" + inc.ID + ":" + channel, slices.Contains(wanted, channel)})
		}
	}
	for _, a := range rules.Announce {
		add(a.Channel)
	}
	if inc.Headline != nil {
		add(inc.Headline.Channel)
	}
	return places
}

// announced returns the channels that are to hear of an incident, each once; none of a private one.
func announced(rules *incident.Settings, inc *incident.Incident, also func(incident.Announce) bool) []string {
	var channels []string
	for _, a := range rules.AnnounceIn(inc) {
		if a.Channel != "" && also(a) && !slices.Contains(channels, a.Channel) {
			channels = append(channels, a.Channel)
		}
	}
	return channels
}

// keepHeadline posts one headline if it is not there, else it edits it. There is nothing to announce any
// more of an incident that has ended; but what an attempt may have posted before it did is found.
func (d Deps) keepHeadline(ctx context.Context, rules *incident.Settings, r received, h headlinePlace) error {
	h, row, err := d.headlineRow(ctx, &r.inc, h)
	switch {
	case err != nil:
		return err
	case row.State == incident.EffectDone && r.inc.Headline == nil:
		return d.postHeadline(ctx, rules, r, h) // whoever posted it died before they wrote it down
	case row.State == incident.EffectDone && row.ExternalID != "":
		return d.editHeadline(ctx, rules, r, h, incident.Post{Channel: h.channel, ID: row.ExternalID}, row.Result)
	case r.inc.Headline != nil && r.inc.Headline.Channel == h.channel:
		return d.editHeadline(ctx, rules, r, h, *r.inc.Headline, "")
	case (h.wanted && r.inc.Status.Open()) || begun(row):
		return d.postHeadline(ctx, rules, r, h)
	default:
		return nil
	}
}

// headlineRow returns the effect of a headline, and the headline with its key: that of the latest life of the
// incident that may have one. That none was posted in an earlier life, since it ended or the chat refused it, is
// no word on the next.
func (d Deps) headlineRow(ctx context.Context, inc *incident.Incident, h headlinePlace) (headlinePlace, incident.Effect, error) {
	first := h.key
	for life := 0; ; life++ {
		if life > 0 {
			h.key = fmt.Sprintf("%s:r%d", first, life)
		}
		row, err := d.stores().Effect(ctx, h.key)
		if err = notFoundIsNil(err); err != nil || row.State != incident.EffectFailed || life >= inc.Reopens {
			return h, row, err
		}
	}
}

// postHeadline announces the incident, as it stands now, once.
func (d Deps) postHeadline(ctx context.Context, rules *incident.Settings, r received, h headlinePlace) error {
	place := Place{Channel: h.channel}
	return d.run(ctx, effect{
		key: h.key, incident: r.inc.ID, event: r.ev.ID, handler: announcePostName,
		refuse: func(ctx context.Context) (string, error) {
			if err := d.again(ctx, &r.inc); err != nil {
				return "", err
			}
			switch {
			case r.inc.Visibility == incident.Private:
				return "it is private", nil
			case !r.inc.Status.Open():
				return "it has ended", nil
			}
			return "", nil
		},
		probe: d.findPost(place, h.key),
		do: func(ctx context.Context) (incident.EffectEnd, error) {
			end, err := d.post(ctx, Post{To: place, Key: h.key, Card: d.headline(rules, &r.inc)})
			end.Result = showing(r.inc.Seq)
			return end, err
		},
		record: func(ctx context.Context, end incident.EffectEnd) error {
			posted := incident.Post{Channel: h.channel, ID: end.ExternalID}
			fresh, err := d.do(ctx, r.inc.ID, by(announcePostName), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				if inc.Headline != nil {
					return nil, nil // it has one in another channel, which came first
				}
				return inc.HeadlinePosted(act, posted)
			}, incident.CausedBy(r.ev.ID, ""))
			if err != nil {
				return err
			}
			r.inc = fresh
			return d.editHeadline(ctx, rules, r, h, posted, end.Result)
		},
	})
}

// post writes a message and says which it is.
func (d Deps) post(ctx context.Context, p Post) (incident.EffectEnd, error) {
	posted, err := d.Chat.Post(ctx, p)
	return incident.EffectEnd{ExternalID: posted.ID}, err
}

// findPost is the probe of a message.
func (d Deps) findPost(to Place, key string) func(context.Context) (incident.EffectEnd, bool, error) {
	return func(ctx context.Context) (incident.EffectEnd, bool, error) {
		post, found, err := d.Chat.FindPost(ctx, to, key)
		return incident.EffectEnd{ExternalID: post.ID}, found, err
	}
}
