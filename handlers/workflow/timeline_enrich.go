package workflow

import (
	"context"
	"strings"
	"time"

	"github.com/theriac/theriac/incident"
)

const timelineEnrichName = "timeline.enrich"

const timelineMaxAge = 7 * 24 * time.Hour

// timelineEnrich brings what people mark in a channel into the timeline, and follows what becomes of it.
func (d Deps) timelineEnrich() Registration {
	kinds := []ChatKind{ChatPinned, ChatReacted, ChatChanged, ChatDeleted, ChatRenamed}
	return Registration{
		Name: timelineEnrichName, Topic: incident.TopicActivity, Types: chatKinds(kinds),
		Timeout: 10 * time.Second, MaxAge: timelineMaxAge, Shed: ShedPause, Purge: PurgeAsk,
		Handler: d.onChat(kinds, timelineMaxAge, d.onMarked),
	}
}

// pins are the reactions that mark a message as a pin does.
func pins(name string) bool { return name == "pushpin" || name == "round_pushpin" }

// onMarked writes into the timeline, once for each event.
func (d Deps) onMarked(ctx context.Context, c chatted) error {
	e := c.e
	switch {
	case e.Kind == ChatRenamed:
		return d.write(ctx, c, by(timelineEnrichName), "slack:"+e.ID, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			if inc.Channel == nil || inc.Channel.ID != e.Channel || e.Name == "" {
				return nil, nil
			}
			renamed := *inc.Channel
			renamed.Name = e.Name
			return inc.ChannelMade(act, renamed)
		})
	case e.Kind == ChatReacted && !pins(e.Name):
		if c.person.ID == "" {
			return nil
		}
		return d.write(ctx, c, c.actor(), "slack:"+e.ID, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.RecordActivity(act, c.person.ID, "reaction", e.At)
		})
	case e.Kind == ChatPinned || e.Kind == ChatReacted:
		return d.pinned(ctx, c)
	default:
		return d.corrected(ctx, c)
	}
}

// itemKey names the line of the timeline that a message became.
func itemKey(e ChatEvent) string { return "slack:item:" + e.Channel + ":" + e.Message }

// pinned makes a line of a message, once however often and by whomever it is pinned.
func (d Deps) pinned(ctx context.Context, c chatted) error {
	text := lines(c.e.Text, 4000)
	if text == "" || c.e.Message == "" {
		return nil
	}
	actor := by(timelineEnrichName)
	if c.person.ID != "" {
		actor = c.actor()
	}
	at := c.e.MessageAt
	if at.IsZero() {
		at = c.e.At
	}
	return d.write(ctx, c, actor, itemKey(c.e), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		return inc.AddItem(act, text, at)
	})
}

// corrected follows a message that became a line: a change or a deletion is an event more, and what it
// said before stays in the list.
func (d Deps) corrected(ctx context.Context, c chatted) error {
	item, err := d.item(ctx, c)
	if err != nil || item.Seq == 0 {
		return err
	}
	return d.write(ctx, c, by(timelineEnrichName), "slack:"+c.e.ID, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		if text := lines(c.e.Text, 4000); c.e.Kind == ChatChanged && strings.TrimSpace(text) != "" {
			return inc.EditItem(act, item, text, time.Time{})
		}
		return inc.RemoveItem(act, item)
	})
}

// item finds the line that a message became. Its Seq is 0 if there is none.
func (d Deps) item(ctx context.Context, c chatted) (incident.Event, error) {
	for after := int64(0); c.e.Message != ""; {
		page, err := d.stores().Events(ctx, incident.EventFilter{
			IncidentID: c.inc.ID, AfterSeq: after, Types: []incident.EventType{incident.EvItemAdded}, Limit: 1000,
		})
		if err != nil {
			return incident.Event{}, err
		}
		for _, ev := range page.Events {
			if after = ev.Seq; ev.Key == itemKey(c.e) {
				return ev, nil
			}
		}
		if len(page.Events) < 1000 {
			break
		}
	}
	return incident.Event{}, nil
}

// write runs a verb once.
func (d Deps) write(ctx context.Context, c chatted, actor incident.Actor, key string, verb incident.Verb) error {
	_, err := d.do(ctx, c.inc.ID, actor, verb, incident.WithKey(key), incident.CausedBy(c.e.ID, ""))
	return notFoundIsNil(err)
}
