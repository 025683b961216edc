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

// onEnded archives. What was begun before the incident was reopened, and was not ended, is taken up, since
// nobody knows what came of it.
func (d Deps) onEnded(ctx context.Context, r received) error {
	if d.Chat == nil || r.inc.Channel == nil || (r.ev.Type == incident.EvEffectDone && !madeChannel(r.ev)) {
		return nil
	}
	for n := range r.inc.Reopens {
		row, err := d.stores().Effect(ctx, archiveKey(&r.inc, n))
		if notFoundIsNil(err) != nil {
			return err
		}
		if !begun(row) {
			continue
		}
		if err := d.archive(ctx, r, n); err != nil {
			return err
		}
	}
	if !over(&r.inc) {
		return nil
	}
	return d.archive(ctx, r, r.inc.Reopens)
}

// archiveKey is the key of putting the channel away in the life of an incident after its n-th reopening.
func archiveKey(inc *incident.Incident, n int) string { return fmt.Sprintf("archive:%s:%d", inc.ID, n) }

// archive puts the channel away. If the incident is reopened at the same moment, the channel is fetched back.
func (d Deps) archive(ctx context.Context, r received, n int) error {
	reopened := incident.EffectEnd{Failed: true, Result: "it was reopened"}
	move := func(ctx context.Context) (incident.EffectEnd, error) {
		err := d.moveChannel(ctx, &r)
		if err == nil && !over(&r.inc) {
			return reopened, nil
		}
		return incident.EffectEnd{}, err
	}
	return d.run(ctx, effect{
		key: archiveKey(&r.inc, n), incident: r.inc.ID, event: r.ev.ID, handler: channelArchiveName,
		probe: func(ctx context.Context) (incident.EffectEnd, bool, error) {
			if err := d.again(ctx, &r.inc); err != nil || over(&r.inc) {
				return incident.EffectEnd{}, false, err
			}
			end, err := move(ctx) // it may have been put away when it was back already
			return end, true, err
		},
		refuse: func(ctx context.Context) (string, error) {
			if err := d.again(ctx, &r.inc); err != nil || !over(&r.inc) {
				return reopened.Result, err
			}
			return r.late, nil
		},
		do: move,
		record: func(ctx context.Context, _ incident.EffectEnd) error {
			return d.noteArchived(ctx, r.inc.ID, channelArchiveName, true)
		},
	})
}
