package workflow

import (
	"context"
	"slices"
	"time"

	"github.com/theriac/theriac/incident"
)

const followupSyncName = "followup.sync"

// followupMaxAge is how late an issue may be opened.
const followupMaxAge = 30 * 24 * time.Hour

// followupSync opens an issue for each follow-up that has no link.
func (d Deps) followupSync() Registration {
	types := []incident.EventType{incident.EvFollowCreated, incident.EvFollowUpdated}
	return Registration{
		Name: followupSyncName, Topic: incident.TopicEvents, Types: names(types...),
		Timeout: 20 * time.Second, MaxAge: followupMaxAge, Shed: ShedPause, Purge: PurgeAsk,
		Handler: d.onEvent(followupMaxAge, types, d.onFollowUp),
	}
}

// onFollowUp opens the issue of the follow-up that the event is about, once.
func (d Deps) onFollowUp(ctx context.Context, r received) error {
	data, err := incident.DataOf[incident.DataTodo](r.ev)
	if err != nil {
		return neverRuns("%w", err)
	}
	find := func() (incident.FollowUp, bool) {
		at := slices.IndexFunc(r.inc.FollowUps, func(f incident.FollowUp) bool { return f.ID == data.ID })
		if at < 0 || r.inc.FollowUps[at].State != incident.Outstanding || r.inc.FollowUps[at].Link != "" {
			return incident.FollowUp{}, false
		}
		return r.inc.FollowUps[at], true
	}
	key := "issue:" + data.ID
	row, err := d.stores().Effect(ctx, key)
	if d.Tracker == nil || notFoundIsNil(err) != nil {
		return notFoundIsNil(err)
	}
	// What a private incident leaves to do is nobody's to read in a tracker; nor is that of a test.
	_, wanted := find()
	if hidden := r.inc.Visibility == incident.Private || r.inc.Mode == incident.ModeTest; !begun(row) && (!wanted || hidden) {
		return nil
	}
	return d.run(ctx, effect{
		key: key, incident: r.inc.ID, event: r.ev.ID, handler: followupSyncName,
		refuse: func(ctx context.Context) (string, error) {
			if r.late != "" {
				return r.late, nil
			}
			if err := d.again(ctx, &r.inc); err != nil {
				return "", err
			}
			if _, wanted := find(); !wanted || r.inc.Visibility == incident.Private {
				return "it is not wanted any more", nil
			}
			return "", nil
		},
		probe: func(ctx context.Context) (incident.EffectEnd, bool, error) {
			url, found, err := d.Tracker.FindIssue(ctx, key)
			return incident.EffectEnd{ExternalID: url}, found, err
		},
		do: func(ctx context.Context) (incident.EffectEnd, error) {
			f, _ := find()
			url, err := d.Tracker.OpenIssue(ctx, Issue{
				Marker: key, Title: line(f.Text, 200), Text: lines(f.Text, 4000) + "\n\n" + r.inc.Ref() + " " + d.Link(&r.inc),
				Owner: f.Owner, Due: f.Due,
			})
			return incident.EffectEnd{ExternalID: url}, err
		},
		record: func(ctx context.Context, end incident.EffectEnd) error {
			_, err := d.do(ctx, r.inc.ID, by(followupSyncName), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				return inc.ChangeFollowUp(act, data.ID, incident.ItemChange{Link: &end.ExternalID})
			}, incident.WithKey("linked:"+key), incident.CausedBy(r.ev.ID, ""))
			return err
		},
	})
}
