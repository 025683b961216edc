package workflow

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/theriac/theriac/incident"
)

// editEvery is how often one headline is edited at most. The headline is the one message that is edited again
// and again, once for each change of its incident, and a chat limits all that is written to a channel. A new
// message never waits for this: a first headline, an update, a call. Nor does a banner, which has one edit in
// its life.
const editEvery = 5 * time.Second

// editPrefix begins the keys of the rows that space the edits of a headline, over all processes. Such a row is
// never done: its result says which state of the incident is shown.
const editPrefix = "edit:"

// editHeadline shows the newest state. Every message waits until what stands there is at least as new as its
// event, so the last change is shown, whoever dies; all that wait find themselves answered by the one that
// comes first. Posted is the result of the effect that posted the headline.
func (d Deps) editHeadline(ctx context.Context, rules *incident.Settings, r received, h headlinePlace, post incident.Post, posted string) error {
	if shows(posted) >= r.ev.Seq {
		return nil
	}
	e := effect{incident: r.inc.ID, event: r.ev.ID, handler: announcePostName, silent: true}
	if atOnce(r.ev) {
		e.key = "now:" + h.key + ":" + r.ev.ID
		e.do = d.showHeadline(rules, r, h, post, func(inc *incident.Incident) string { return fmt.Sprintf("%+v", d.headline(rules, inc)) })
		return d.run(ctx, e)
	}
	e.key, e.every = editPrefix+h.key, editEvery
	e.do = d.showHeadline(rules, r, h, post, func(inc *incident.Incident) string { return fmt.Sprint(inc.Visibility, inc.Status.Open()) })
	row, err := d.stores().Effect(ctx, e.key)
	if notFoundIsNil(err) != nil {
		return err
	}
	// Whoever lost an edit, or died in one, may have shown something older after the newest. After a while that
	// has come to rest too, and showing it once more settles it.
	e.settled = d.stuck(row)
	if shows(row.Result) >= r.ev.Seq && !e.settled {
		return nil
	}
	return d.run(ctx, e)
}

// showHeadline edits a headline, and again until what it says of watched is true. An edit that has its turn
// watches for what is shown at once, which it may just have overwritten: all else waits for the next turn. One
// that is made at once watches for everything, since another may have had its turn meanwhile.
func (d Deps) showHeadline(rules *incident.Settings, r received, h headlinePlace, post incident.Post, watched func(*incident.Incident) string) func(context.Context) (incident.EffectEnd, error) {
	return func(ctx context.Context) (incident.EffectEnd, error) {
		end := incident.EffectEnd{ExternalID: post.ID}
		if err := d.again(ctx, &r.inc); err != nil {
			return end, Later(err, 0)
		}
		err := d.settleOn(ctx, &r, func() (string, error) { return watched(&r.inc), nil }, func(string) error {
			end.Result = showing(r.inc.Seq)
			_, err := d.Chat.Post(ctx, Post{To: Place{Channel: post.Channel}, Key: h.key, Edit: &post, Card: d.headline(rules, &r.inc)})
			return err
		})
		if isNever(err) {
			end.Failed, end.Result = true, end.Result+", refused: "+err.Error()
			return end, nil
		}
		return end, err
	}
}

// atOnce reports what a headline shows without waiting for its turn: that the incident is over, and that it is
// not for everybody's eyes any more. Both are rare.
func atOnce(ev incident.Event) bool {
	if ev.Type != incident.EvStatus {
		return ev.Type == incident.EvPrivate
	}
	data, err := incident.DataOf[incident.DataStatus](ev)
	return err == nil && !data.To.Open()
}

// showing is the result of an effect that shows an incident as of one of its events.
func showing(seq int64) string { return fmt.Sprintf("as of event %d", seq) }

// shows is the inverse of showing, 0 for any other result.
func shows(result string) (seq int64) {
	if n, err := fmt.Sscanf(result, "as of event %d", &seq); n != 1 || err != nil {
		return 0
	}
	return seq
}

// UpToDate reports the effect of something that is kept up to date, and is: it waits for the next change, and
// nothing is to be done about it.
func UpToDate(e incident.Effect) bool {
	return strings.HasPrefix(e.Key, editPrefix) && e.State == incident.EffectWaiting && !e.InDoubt && shows(e.Result) > 0
}
