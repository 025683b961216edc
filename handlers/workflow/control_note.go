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

const controlNoteName = "control.note"

// controlNote shows what people ordered of the flow of messages in one open incident: a line of its
// timeline, and a banner in its channel while the order is in force.
func (d Deps) controlNote() Registration {
	kinds := []QuarantineKind{ControlChanged}
	return Registration{
		Name: controlNoteName, Topic: incident.TopicQuarantine, Types: kindNames(kinds), Critical: true,
		Timeout: 20 * time.Second, Shed: ShedNever, Purge: PurgeAsk,
		Handler: d.onQuarantine(kinds, d.onControl),
	}
}

// onControl shows one change.
func (d Deps) onControl(ctx context.Context, r row, e QuarantineEvent) (string, error) {
	inc, err := d.stores().Get(ctx, e.Control.Incident)
	switch {
	case errors.Is(err, incident.ErrNotFound):
		return "no such incident", nil
	case err != nil:
		return "", err
	}
	noted, err := d.noteControl(ctx, r, e, inc)
	if err != nil {
		return "", err
	}
	b := &banner{d: d, e: e, inc: inc}
	if e.Control.Ends > 0 {
		err = b.show(ctx, e.Control.Ends, true)
	}
	if e.Control.sets() {
		err = errors.Join(err, b.show(ctx, e.Version, false))
	}
	return noted, err
}

// noteControl writes the line, once for each version and its expiry. What ended before an incident
// began is none of its business.
func (d Deps) noteControl(ctx context.Context, r row, e QuarantineEvent, inc incident.Incident) (string, error) {
	if !inc.Status.Open() {
		return "it is " + string(inc.Status), nil
	}
	if !e.Control.Standing && !e.At.IsZero() && inc.Times.Created.After(e.At) {
		return "it began later", nil
	}
	key := fmt.Sprintf("control:%d", e.Version)
	if e.Control.Verb == ControlExpired {
		key += ":expired"
	}
	_, err := d.do(ctx, inc.ID, byQuarantine(e), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		if !inc.Status.Open() {
			return nil, nil
		}
		evs, err := inc.NoteControl(act, controlLine(e))
		if err == nil && len(evs) > 0 && !e.At.IsZero() {
			evs[0].OccurredAt = e.At
		}
		return evs, err
	}, incident.WithKey(key), incident.CausedBy(r.id, ""))
	return inc.Ref(), err
}

// banner is the message about an order in the channel of one incident.
type banner struct {
	d   Deps
	e   QuarantineEvent
	inc incident.Incident
}

// show posts the banner of a version, or, once that is over, edits it; one that was not begun by then is
// refused for good, so that an order that comes late shows nothing. While an open incident has no
// channel, or one that is put away still, there is no row: whoever asks again, later, may find one.
func (b *banner) show(ctx context.Context, version int64, over bool) error {
	there := b.inc.Channel != nil && !b.inc.Channel.Archived
	if b.d.Chat == nil || (!there && b.inc.Status.Open() && !over) {
		return nil
	}
	key := BannerKey(version, b.inc.ID)
	shown := effect{
		key: key, incident: b.inc.ID, handler: controlNoteName, silent: true,
		refuse: func(ctx context.Context) (string, error) { return b.refuse(ctx, over) },
		do: func(ctx context.Context) (incident.EffectEnd, error) {
			end, err := b.d.post(ctx, Post{To: b.place(), Key: key, Card: b.card()})
			end.Result = controlHeadline(b.e)
			return end, err
		},
	}
	if b.inc.Channel != nil {
		shown.probe = b.d.findPost(b.place(), key)
	}
	if over {
		shown.record = func(ctx context.Context, end incident.EffectEnd) error { return b.end(ctx, key, end) }
	}
	return b.d.run(ctx, shown)
}

func (b *banner) place() Place { return Place{Channel: b.inc.Channel.ID} }

// refuse says why there is nothing to post, by the incident as it stands now.
func (b *banner) refuse(ctx context.Context, over bool) (string, error) {
	until := b.e.Control.Until
	if over || (!until.IsZero() && !until.After(b.d.Now())) {
		return "it is over", nil
	}
	if err := b.d.again(ctx, &b.inc); err != nil {
		return "", err
	}
	switch {
	case !b.inc.Status.Open():
		return "the incident is " + string(b.inc.Status), nil
	case b.inc.Channel == nil || b.inc.Channel.Archived:
		return "its channel is gone", nil
	}
	return "", nil
}

// card is the banner while the order is in force. It says nothing of the incident.
func (b *banner) card() Card {
	card := Card{Title: "IN FORCE: " + controlHeadline(b.e), Text: line(b.e.Reason, 500), Facts: []Fact{
		{"Ordered by", line(orElse(b.e.By, "somebody"), 80)}, {"Lasts", controlUntil(b.e.Control)},
	}}
	if !b.e.At.IsZero() {
		card.Facts = append(card.Facts, Fact{"Since", clock(b.e.At)})
	}
	if b.e.Control.Verb == ControlShed {
		card.Buttons = []Button{{Text: "Restore", Action: ActRestore, Value: strconv.FormatInt(b.e.Version, 10)}}
	}
	return card
}

// end edits a banner that was posted.
func (b *banner) end(ctx context.Context, key string, posted incident.EffectEnd) error {
	if b.inc.Channel == nil || posted.ExternalID == "" {
		return nil
	}
	post := incident.Post{Channel: b.inc.Channel.ID, ID: posted.ExternalID}
	before := strings.Replace(posted.Result, " is ", " was ", 1) // what it says while it is in force
	card := Card{Title: "ENDED: " + orElse(before, "work was held back"), Text: controlLine(b.e)}
	if b.e.By != "" {
		card.Facts = append(card.Facts, Fact{"By", line(b.e.By, 80)})
	}
	if !b.e.At.IsZero() {
		card.Facts = append(card.Facts, Fact{"At", clock(b.e.At)})
	}
	return b.d.run(ctx, effect{
		key: key + ":ended", incident: b.inc.ID, handler: controlNoteName, silent: true,
		do: func(ctx context.Context) (incident.EffectEnd, error) {
			return b.d.post(ctx, Post{To: b.place(), Key: key, Edit: &post, Card: card})
		},
	})
}
