package workflow

import (
	"context"
	"errors"
	"time"

	"github.com/theriac/theriac/incident"
)

const activityRecordName = "activity.record"

const activityMaxAge = 30 * 24 * time.Hour

// activityRecord notes who was active in a channel and when, never what they wrote.
func (d Deps) activityRecord() Registration {
	kinds := []ChatKind{ChatMessage, ChatJoined, ChatLeft}
	return Registration{
		Name: activityRecordName, Topic: incident.TopicActivity, Types: chatKinds(kinds),
		Timeout: 10 * time.Second, MaxAge: activityMaxAge, Shed: ShedPause, Purge: PurgeAsk,
		Handler: d.onChat(kinds, activityMaxAge, d.onActivity),
	}
}

// onActivity writes it down, once.
func (d Deps) onActivity(ctx context.Context, c chatted) error {
	if c.person.ID == "" {
		return nil
	}
	_, err := d.do(ctx, c.inc.ID, c.actor(), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		switch c.e.Kind {
		case ChatJoined:
			return inc.Join(act, c.person.ID, incident.Observer)
		case ChatLeft:
			return inc.Leave(act, c.person.ID)
		default:
			return inc.RecordActivity(act, c.person.ID, string(c.e.Kind), c.e.At)
		}
	}, incident.WithKey("activity:"+c.e.Channel+":"+orElse(c.e.Message, c.e.ID)), incident.CausedBy(c.e.ID, ""))
	if errors.Is(err, incident.ErrNotFound) || errors.Is(err, incident.ErrNotAllowed) {
		// Who left took no part; who came into a private one was not let in by it.
		return nil
	}
	return err
}

// chatKinds returns kinds as a Registration has them.
func chatKinds(kinds []ChatKind) []string {
	texts := make([]string, len(kinds))
	for i, k := range kinds {
		texts[i] = string(k)
	}
	return texts
}
