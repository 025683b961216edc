package workflow

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/theriac/theriac/incident"
)

// Names of handlers, where others need them too.
const (
	channelCreateName  = "channel.create"
	channelArchiveName = "channel.archive"
)

// channelCreate makes the channel of an incident that people work on, keeps its topic, and fetches it
// back when the incident comes back.
func (d Deps) channelCreate() Registration {
	types := []incident.EventType{
		incident.EvDeclared, incident.EvAccepted, incident.EvReopened,
		incident.EvStatus, incident.EvSeverity, incident.EvPrivate, incident.EvEdited,
		incident.EvAssigned, incident.EvHandedOff, incident.EvUnassign,
	}
	return Registration{
		Name: channelCreateName, Topic: incident.TopicEvents, Types: names(types...), Critical: true, Pipeline: true,
		Timeout: 30 * time.Second, Shed: ShedNever, Purge: PurgeNever,
		Handler: d.onEvent(0, types, d.onChannelWanted),
	}
}

// onChannelWanted brings the channel to where the incident is.
func (d Deps) onChannelWanted(ctx context.Context, r received) error {
	switch {
	case d.Chat == nil:
		return nil
	case !r.inc.Status.Live():
		return d.leftBehind(ctx, r)
	}
	steps := []func(context.Context, *received) error{d.ensureChannel, d.unarchive, d.retitle}
	for _, step := range steps {
		if err := step(ctx, &r); err != nil {
			return err
		}
		if r.inc.Channel == nil {
			return nil
		}
	}
	return nil
}

// leftBehind looks after an incident that is not worked on any more: it needs no channel, but one that an
// attempt may have made before it ended is found and put away. One that people still write in says where
// the incident is, not where it was when it was resolved, and less from the moment on at which it becomes
// private.
func (d Deps) leftBehind(ctx context.Context, r received) error {
	switch {
	case r.inc.Channel == nil:
	case r.inc.Channel.Archived || over(&r.inc):
		return errors.Join(d.endTopics(ctx, &r), d.unarchive(ctx, &r))
	default:
		return errors.Join(d.retitle(ctx, &r), d.unarchive(ctx, &r))
	}
	row, err := d.stores().Effect(ctx, "channel:"+r.inc.ID)
	if err != nil || (!begun(row) && row.State != incident.EffectDone) {
		return notFoundIsNil(err)
	}
	if err := d.ensureChannel(ctx, &r); err != nil {
		return err
	}
	return d.onEnded(ctx, r)
}

// ensureChannel makes the channel, once.
func (d Deps) ensureChannel(ctx context.Context, r *received) error {
	if r.inc.Channel != nil {
		return nil
	}
	spec, err := d.channelSpec(ctx, &r.inc)
	if err != nil {
		return err
	}
	return d.run(ctx, effect{
		key: "channel:" + r.inc.ID, incident: r.inc.ID, event: r.ev.ID, handler: channelCreateName,
		// What was made is found by its name while it is made again, but for one from before the incident was
		// private.
		probe: func(ctx context.Context) (incident.EffectEnd, bool, error) {
			rules, err := d.rules(ctx)
			if err == nil && spec.Private {
				spec.Outgrown = channelName(rules, &r.inc, false)
			}
			return incident.EffectEnd{}, false, err
		},
		do: func(ctx context.Context) (incident.EffectEnd, error) {
			made, err := d.Chat.EnsureChannel(ctx, spec)
			return channelEnd(made, spec.Private), err
		},
		record: func(ctx context.Context, end incident.EffectEnd) error {
			made := channelOf(end)
			fresh, err := d.do(ctx, r.inc.ID, by(channelCreateName), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
				if inc.Channel != nil {
					return nil, nil
				}
				adopt(inc, incident.NewKey(channelKey(made.ID), false))
				return inc.ChannelMade(act, made)
			}, incident.CausedBy(r.ev.ID, ""))
			if err == nil {
				r.inc = fresh
			}
			return err
		},
	})
}

// channelEnd keeps with an effect what is known of a channel: its name, and whether it is closed to
// others, which nobody could say later.
func channelEnd(c incident.Channel, private bool) incident.EffectEnd {
	sort := "public"
	if private {
		sort = "private"
	}
	return incident.EffectEnd{ExternalID: c.ID, Result: sort + " #" + c.Name}
}

// channelOf is the inverse of channelEnd.
func channelOf(end incident.EffectEnd) incident.Channel {
	_, name, _ := strings.Cut(end.Result, " #")
	return incident.Channel{ID: end.ExternalID, Name: name}
}

// unarchive fetches the channel back after a reopening. What was begun after an earlier one, or before the
// incident ended again, and was not ended is taken up, since nobody knows what came of it.
func (d Deps) unarchive(ctx context.Context, r *received) error {
	for n := 1; n <= r.inc.Reopens; n++ {
		key := unarchiveKey(&r.inc, n)
		if n < r.inc.Reopens || over(&r.inc) {
			row, err := d.stores().Effect(ctx, key)
			if notFoundIsNil(err) != nil {
				return err
			}
			if !begun(row) {
				continue
			}
		}
		if err := d.fetchBack(ctx, r, key); err != nil {
			return err
		}
	}
	return nil
}

// unarchiveKey is the key of fetching the channel back after the n-th reopening.
func unarchiveKey(inc *incident.Incident, n int) string {
	return fmt.Sprintf("unarchive:%s:%d", inc.ID, n)
}

// fetchBack fetches the channel back, unless the incident has ended again.
func (d Deps) fetchBack(ctx context.Context, r *received, key string) error {
	return d.run(ctx, effect{
		key: key, incident: r.inc.ID, event: r.ev.ID, handler: channelCreateName,
		do: func(ctx context.Context) (incident.EffectEnd, error) {
			return incident.EffectEnd{}, d.moveChannel(ctx, r)
		},
		record: func(ctx context.Context, _ incident.EffectEnd) error {
			return d.noteArchived(ctx, r.inc.ID, channelCreateName, false)
		},
	})
}

// moveChannel puts the channel away if the incident is over, else it fetches it back, and looks again until
// it is where the incident is: both may be done at the same moment.
func (d Deps) moveChannel(ctx context.Context, r *received) error {
	where := func() (string, error) { return strconv.FormatBool(over(&r.inc)), nil }
	return d.settleOn(ctx, r, where, func(archived string) error {
		return d.Chat.SetArchived(ctx, r.inc.Channel.ID, archived == "true")
	})
}

// noteArchived writes down whether the channel is put away, if that is still what the incident asks for.
func (d Deps) noteArchived(ctx context.Context, id, handler string, archived bool) error {
	_, err := d.do(ctx, id, by(handler), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		if inc.Channel == nil || inc.Channel.Archived == archived || over(inc) != archived {
			return nil, nil
		}
		c := *inc.Channel
		c.Archived = archived
		return inc.ChannelMade(act, c)
	})
	return err
}

// retitle gives the channel the topic of the incident as it stands. A topic that was given twice does no
// harm, so the newest wins: after each the incident is looked at once more.
func (d Deps) retitle(ctx context.Context, r *received) error {
	spec, err := d.channelSpec(ctx, &r.inc)
	if err != nil {
		return err
	}
	err = d.run(ctx, effect{
		key:      fmt.Sprintf("topic:%s:%d:%s", r.inc.ID, r.inc.Version, digest(spec.Topic)),
		incident: r.inc.ID, event: r.ev.ID, handler: channelCreateName, silent: true,
		do: func(ctx context.Context) (incident.EffectEnd, error) {
			return incident.EffectEnd{}, d.showTopic(ctx, r)
		},
	})
	if err != nil {
		return err
	}
	return d.endTopics(ctx, r)
}

// endTopics gives those topics once more that somebody died over.
func (d Deps) endTopics(ctx context.Context, r *received) error {
	return d.endLeftOver(ctx, r, channelCreateName, "topic:"+r.inc.ID+":", func(ctx context.Context) error { return d.showTopic(ctx, r) })
}

// showTopic writes the topic until it is that of the incident.
func (d Deps) showTopic(ctx context.Context, r *received) error {
	return d.settleOn(ctx, r, func() (string, error) {
		spec, err := d.channelSpec(ctx, &r.inc)
		return spec.Topic, err
	}, func(string) error {
		spec, err := d.channelSpec(ctx, &r.inc)
		if err == nil {
			_, err = d.Chat.EnsureChannel(ctx, spec)
		}
		return err
	})
}

// settleOn shows something of the incident outside and looks again, until what is shown is what is
// true: of several who show at once, whoever comes last shows the newest.
func (d Deps) settleOn(ctx context.Context, r *received, state func() (string, error), show func(string) error) error {
	for range 5 {
		shown, err := state()
		if err != nil {
			return Later(err, 0)
		}
		if err := show(shown); err != nil {
			return err
		}
		if err := d.again(ctx, &r.inc); err != nil {
			return InDoubt(err)
		}
		if now, err := state(); err != nil || now == shown {
			return err
		}
	}
	return Later(fmt.Errorf("%s changes faster than it can be shown", r.inc.Ref()), firstWait)
}
