package workflow

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/incident"
)

const participantsInviteName = "participants.invite"

// participantsInvite brings everybody who takes part into the channel.
func (d Deps) participantsInvite() Registration {
	types := []incident.EventType{
		incident.EvEffectDone, incident.EvJoined, incident.EvAssigned, incident.EvHandedOff, incident.EvAbsorbed,
		incident.EvReopened,
	}
	const maxAge = 24 * time.Hour
	return Registration{
		Name: participantsInviteName, Topic: incident.TopicEvents, Types: names(types...), Critical: true,
		Timeout: 20 * time.Second, MaxAge: maxAge, Shed: ShedNever, Purge: PurgeAsk,
		Handler: d.onEvent(maxAge, types, d.onTakesPart),
	}
}

// onTakesPart invites all who take part and were not invited yet. While there is no channel there is
// nothing to do: that it was made is an event too.
func (d Deps) onTakesPart(ctx context.Context, r received) error {
	switch {
	case d.Chat == nil || r.inc.Channel == nil:
		return nil
	case over(&r.inc):
		return d.endInvitations(ctx, &r)
	case r.inc.Channel.Archived:
		return nil
	}
	if r.ev.Type == incident.EvEffectDone && !madeChannel(r.ev) {
		return nil
	}
	effects, err := d.stores().EffectList(ctx, r.inc.ID)
	if err != nil {
		return err
	}
	var all error
	for _, person := range takePart(&r.inc) {
		key := r.inc.InviteKey(person)
		ended := func(e incident.Effect) bool {
			return e.Key == key && (e.State == incident.EffectDone || e.State == incident.EffectFailed)
		}
		if !slices.ContainsFunc(effects, ended) {
			all = errors.Join(all, d.invite(ctx, r, key, person))
		}
	}
	if all != nil {
		return all
	}
	return d.endInvitations(ctx, &r)
}

// endInvitations ends those that somebody died over and that are not wanted any more.
func (d Deps) endInvitations(ctx context.Context, r *received) error {
	return d.endLeftOver(ctx, r, participantsInviteName, "invite:"+r.inc.ID+":", nil)
}

// madeChannel reports that an effect that was done is the making of a channel. Where that cannot be
// read it may be, and a look does no harm.
func madeChannel(ev incident.Event) bool {
	data, err := incident.DataOf[incident.DataEffect](ev)
	return err != nil || strings.HasPrefix(data.Effect, "channel")
}

// takePart returns those who take part now: participants who did not leave, and holders of roles.
func takePart(inc *incident.Incident) []string {
	var people []string
	add := func(person string) {
		if person != "" && !slices.Contains(people, person) {
			people = append(people, person)
		}
	}
	for _, p := range inc.Participants {
		if p.Left.IsZero() {
			add(p.Person)
		}
	}
	for _, a := range inc.Assignments {
		add(a.Person)
	}
	return people
}

// invite brings one person in.
func (d Deps) invite(ctx context.Context, r received, key, id string) error {
	inc := r.inc
	return d.run(ctx, effect{
		key: key, incident: inc.ID, event: r.ev.ID, handler: participantsInviteName,
		refuse: func(ctx context.Context) (string, error) {
			if r.late != "" {
				return r.late, nil
			}
			if err := d.again(ctx, &inc); err != nil {
				return "", err
			}
			switch {
			case over(&inc):
				return "the incident is " + string(inc.Status), nil
			case !slices.Contains(takePart(&inc), id):
				return "they do not take part any more", nil
			}
			return "", nil
		},
		do: func(ctx context.Context) (incident.EffectEnd, error) {
			p, err := d.person(ctx, id)
			if err != nil {
				return incident.EffectEnd{}, err
			}
			return incident.EffectEnd{}, d.Chat.Invite(ctx, inc.Channel.ID, p)
		},
	})
}
