package workflow

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac/theriac/incident"
)

// channelArchive puts the channel away when the incident ended, and when its channel was made only then.
func (d Deps) channelArchive() Registration {
	types := []incident.EventType{incident.EvClosed, incident.EvDeclined, incident.EvMerged, incident.EvCanceled, incident.EvEffectDone}
	return Registration{
		Name: channelArchiveName, Topic: incident.TopicEvents, Types: names(types...),
		Timeout: 20 * time.Second, MaxAge: 7 * 24 * time.Hour, Shed: ShedPause, Purge: PurgeSafe,
		Handler: d.onEvent(7*24*time.Hour, types, d.onEnded),
	}
}

// over reports that nothing is left to do, unless it is reopened.
func over(inc *incident.Incident) bool { return inc.Status == incident.Closed || inc.Status.Final() }

// onEnded archives. If the incident is reopened at the same moment, the channel is fetched back.
func (d Deps) onEnded(ctx context.Context, r received) error {
	if d.Chat == nil || r.inc.Channel == nil || !over(&r.inc) {
		return nil
	}
	if r.ev.Type == incident.EvEffectDone && !madeChannel(r.ev) {
		return nil
	}
	return d.run(ctx, effect{
		key: fmt.Sprintf("archive:%s:%d", r.inc.ID, r.inc.Reopens), incident: r.inc.ID, event: r.ev.ID, handler: channelArchiveName,
		refuse: func(ctx context.Context) (string, error) {
			if err := d.again(ctx, &r.inc); err != nil || !over(&r.inc) {
				return "it was reopened", err
			}
			return r.late, nil
		},
		do: func(ctx context.Context) (incident.EffectEnd, error) {
			if err := d.Chat.SetArchived(ctx, r.inc.Channel.ID, true); err != nil {
				return incident.EffectEnd{}, err
			}
			if err := d.again(ctx, &r.inc); err != nil {
				return incident.EffectEnd{}, InDoubt(err)
			}
			if !over(&r.inc) {
				return incident.EffectEnd{Failed: true, Result: "it was reopened"}, d.Chat.SetArchived(ctx, r.inc.Channel.ID, false)
			}
			return incident.EffectEnd{}, nil
		},
		record: func(ctx context.Context, _ incident.EffectEnd) error {
			if err := d.again(ctx, &r.inc); err != nil || !over(&r.inc) {
				return err
			}
			return d.noteArchived(ctx, r.inc.ID, channelArchiveName, true)
		},
	})
}
