package workflow

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
)

const updatePostName = "update.post"

// updatePost brings an update that was shared, and that it is over, to whoever is to hear it, an ask for an
// update to whoever is asked, and that nobody answered a call to all who hear of the incident.
func (d Deps) updatePost() Registration {
	types := []incident.EventType{incident.EvUpdate, incident.EvResolved, incident.EvAskUpdate, incident.EvExhausted}
	const maxAge = 6 * time.Hour
	return Registration{
		Name: updatePostName, Topic: incident.TopicEvents, Types: names(types...), Critical: true,
		Timeout: 20 * time.Second, MaxAge: maxAge, Shed: ShedNever, Purge: PurgeAsk,
		Handler: d.onEvent(maxAge, types, d.onUpdate),
	}
}

// audience is one place that a message goes to.
type audience struct {
	channel, person string
}

// key names it within the keys of effects.
func (a audience) key() string {
	if a.channel != "" {
		return a.channel
	}
	return "person:" + a.person
}

// onUpdate posts to each.
func (d Deps) onUpdate(ctx context.Context, r received) error {
	if d.Chat == nil {
		return nil
	}
	rules, err := d.rules(ctx)
	if err != nil {
		return err
	}
	var all error
	for _, to := range updateAudience(rules, r) {
		all = errors.Join(all, d.postUpdate(ctx, rules, r, to))
	}
	if all == nil {
		all = d.endLeftOver(ctx, &r, updatePostName, "post:"+r.ev.ID+":", nil)
	}
	return errors.Join(all, d.channelToCome(ctx, r))
}

// channelWait is how long a message waits for the channel of its incident before it looks again.
const channelWait = 5 * time.Second

// channelToCome keeps an update of an incident whose channel is still to be made, or to be fetched back: what
// was said while the chat was away stands in the channel when it is there.
func (d Deps) channelToCome(ctx context.Context, r received) error {
	there := r.inc.Channel != nil && !r.inc.Channel.Archived
	if r.ev.Type != incident.EvUpdate || r.late != "" || there || !r.inc.Status.Live() {
		return nil
	}
	key := "channel:" + r.inc.ID
	if r.inc.Channel != nil {
		key = unarchiveKey(&r.inc, r.inc.Reopens)
	}
	row, err := d.stores().Effect(ctx, key)
	if notFoundIsNil(err) != nil {
		return err
	}
	if row.State == incident.EffectFailed || (r.inc.Channel != nil && r.inc.Reopens == 0) {
		return nil // nobody makes it, or fetches it back
	}
	return handlers.Again(channelWait)
}

// updateAudience returns who is to hear of it as the incident stands. That it is over is not said once it
// was reopened, nor in a channel that is just being put away.
func updateAudience(rules *incident.Settings, r received) []audience {
	var to []audience
	exhausted, resolved := r.ev.Type == incident.EvExhausted, r.ev.Type == incident.EvResolved
	if (exhausted && !stillUnanswered(r)) || (resolved && r.inc.Status.Live()) {
		return nil
	}
	if r.inc.Channel != nil && !r.inc.Channel.Archived && !(resolved && over(&r.inc)) {
		to = append(to, audience{channel: r.inc.Channel.ID})
	}
	if r.ev.Type == incident.EvAskUpdate {
		if asked := askedFor(r); asked != "" {
			to = append(to, audience{person: asked})
		}
		return to
	}
	for _, channel := range announced(rules, &r.inc, func(a incident.Announce) bool { return a.Updates || exhausted }) {
		if !slices.ContainsFunc(to, func(a audience) bool { return a.channel == channel }) {
			to = append(to, audience{channel: channel})
		}
	}
	for _, p := range r.inc.Participants {
		if p.Subscribed && p.Left.IsZero() && !exhausted {
			to = append(to, audience{person: p.Person})
		}
	}
	return to
}

// stillUnanswered reports that an escalation ended without an answer, as an event says, that there is none yet,
// and that it called people at all.
func stillUnanswered(r received) bool {
	data, err := incident.DataOf[incident.DataEscalation](r.ev)
	return err == nil && !data.NotifyOnly && r.inc.Status.Open() && !hasAnswer(&r.inc, data.ID)
}

// askedFor returns who is asked for an update: the one who is named, or whoever leads.
func askedFor(r received) string {
	data, err := incident.DataOf[incident.DataParticipant](r.ev)
	if err != nil || data.Person == "" {
		return r.inc.Lead()
	}
	return data.Person
}

// postUpdate posts to one place, once.
func (d Deps) postUpdate(ctx context.Context, rules *incident.Settings, r received, to audience) error {
	key := "post:" + r.ev.ID + ":" + to.key()
	place, err := d.place(ctx, to.channel, to.person)
	if err != nil && !isNever(err) {
		return err
	}
	unreachable := err
	return d.run(ctx, effect{
		key: key, incident: r.inc.ID, event: r.ev.ID, handler: updatePostName,
		refuse: func(ctx context.Context) (string, error) {
			if r.late != "" {
				return r.late, nil
			}
			if err := d.again(ctx, &r.inc); err != nil {
				return "", err
			}
			if !slices.Contains(updateAudience(rules, r), to) {
				return "it is not for them any more", nil
			}
			return "", unreachable
		},
		probe: d.findPost(place, key),
		do: func(ctx context.Context) (incident.EffectEnd, error) {
			card, err := d.updateCard(ctx, rules, r, to)
			if err != nil {
				return incident.EffectEnd{}, Later(err, 0)
			}
			return d.post(ctx, Post{To: place, Key: key, Card: card})
		},
	})
}

// updateCard is what one audience reads.
func (d Deps) updateCard(ctx context.Context, rules *incident.Settings, r received, to audience) (Card, error) {
	may, err := d.maySee(ctx, &r.inc, to)
	if err != nil {
		return Card{}, err
	}
	ask := r.ev.Type == incident.EvAskUpdate
	switch {
	case r.ev.Type == incident.EvExhausted:
		return d.exhaustedCard(&r.inc, may), nil
	case !may && ask:
		return d.hidden(&r.inc, "An update is asked for."), nil
	case !may && r.ev.Type == incident.EvResolved:
		return d.hidden(&r.inc, "It is over."), nil
	case !may:
		return d.hidden(&r.inc, "There is an update."), nil
	case ask:
		return Card{
			Title: mark(&r.inc) + r.inc.Ref() + " " + line(r.inc.Name, 200),
			Text:  line(who(r.ev.Actor), 80) + " asks for an update.",
			Buttons: append([]Button{{Text: "Share an update", Action: ActUpdate, Value: r.inc.ID, Style: "primary"}},
				d.open(&r.inc)...),
		}, nil
	}
	if r.ev.Type == incident.EvResolved {
		return d.resolvedCard(rules, r)
	}
	data, err := incident.DataOf[incident.DataUpdate](r.ev)
	if err != nil {
		return Card{}, Never(err)
	}
	card := Card{
		Title: mark(&r.inc) + r.inc.Ref() + " " + line(r.inc.Name, 200),
		Facts: []Fact{{"Status", string(r.inc.Status)}, {"Severity", orElse(severityName(rules, r.inc.Severity), "none yet")}},
		Text:  lines(data.Message, 3000), Buttons: d.open(&r.inc),
	}
	if !data.NextDue.IsZero() && r.inc.Status.Live() { // nothing is promised of what is over
		card.Facts = append(card.Facts, Fact{"Next update by", clock(data.NextDue)})
	}
	return card, nil
}

// resolvedCard says that it is over, in the words of whoever resolved it.
func (d Deps) resolvedCard(rules *incident.Settings, r received) (Card, error) {
	data, err := incident.DataOf[incident.DataResolved](r.ev)
	if err != nil {
		return Card{}, Never(err)
	}
	return Card{
		Title: mark(&r.inc) + r.inc.Ref() + " " + line(r.inc.Name, 200),
		Facts: []Fact{
			{"Status", "resolved"}, {"Severity", orElse(severityName(rules, r.inc.Severity), "none")},
			{"Resolved by", line(who(r.ev.Actor), 80)},
		},
		Text: orElse(lines(data.Message, 3000), "It is over."), Buttons: d.open(&r.inc),
	}, nil
}

// exhaustedCard says that nobody answered.
func (d Deps) exhaustedCard(inc *incident.Incident, may bool) Card {
	card := d.hidden(inc, "Nobody answered: everybody was called, in every round.")
	if may {
		card.Title = line(card.Title+" "+inc.Name, 220)
	}
	card.Buttons = append([]Button{{Text: "Escalate", Action: ActEscalate, Value: inc.ID, Style: "danger"}}, card.Buttons...)
	return card
}

// maySee reports whether an audience may see more of an incident than its number.
func (d Deps) maySee(ctx context.Context, inc *incident.Incident, to audience) (bool, error) {
	switch {
	case inc.Visibility != incident.Private:
		return true, nil
	case to.person != "":
		return slices.Contains(takePart(inc), to.person), nil
	case inc.Channel != nil && to.channel == inc.Channel.ID:
		return d.mayTell(ctx, inc)
	default:
		return false, nil
	}
}

// place returns where a channel or a person is written to.
func (d Deps) place(ctx context.Context, channel, person string) (Place, error) {
	if channel != "" {
		return Place{Channel: channel}, nil
	}
	p, err := d.person(ctx, person)
	return Place{Person: p}, err
}

// isNever reports an error of something that never will be.
func isNever(err error) bool {
	kind, _ := outcomeOf(err)
	return kind == never
}

// who names an actor for people.
func who(a incident.Actor) string { return orElse(a.Name, orElse(a.ID, string(a.Kind))) }
