package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
)

// opening is something from outside that belongs to one incident while that is open, and opens one
// where none is.
type opening struct {
	actor incident.Actor
	// key is the open key that the incident holds; episode begins the keys that number its episodes.
	key, episode string
	// storm is the open key of the incident that takes the rest past burst, stormName what it is called.
	storm, stormName string
	burst            int
	// declare makes Active incidents; otherwise they begin in Triage.
	declare bool
	// once makes what is attached once; cause is the message behind it, and since is when that was stored.
	once, cause string
	since       time.Time
	// only attaches and opens nothing.
	only   bool
	params incident.NewParams
	// more are keys that the incident takes beside.
	more []incident.Key
	// attach adds it to an incident that is open.
	attach incident.Verb
	// find finds its incident where that may be another than the one that holds key, and sets more; or an error
	// wrapping [incident.ErrNotFound].
	find func(ctx context.Context, o *opening) (incident.Incident, error)
	// atOnce is how many of its episodes may be open at the same time. Default: 1.
	atOnce int
}

// defaultBurst is how many incidents one source may open within burstTime.
const (
	defaultBurst = 10
	burstTime    = 10 * time.Minute
)

// maxAdopted bounds the keys of one incident, whose document is bounded.
const maxAdopted = 1000

// errEnded says that an incident ended while something was on its way to it.
var errEnded = errors.New("the incident has ended in the meantime")

// openOrAttach finds the incident of o and attaches to it, or opens one, and returns it. What comes
// twice is attached once; two that race for the same key end in one incident.
func (d Deps) openOrAttach(ctx context.Context, o opening) (inc incident.Incident, err error) {
	for range 4 {
		inc, err = d.find(ctx, &o)
		switch {
		case err == nil:
			inc, err = d.attachTo(ctx, o, inc.ID, nil)
		case !errors.Is(err, incident.ErrNotFound):
			return inc, err
		case o.only:
			return inc, err
		default:
			var done bool
			if inc, done, err = d.openOne(ctx, o); err == nil && !done {
				continue // somebody else was first; or the number was taken
			}
		}
		var held *incident.ExistsError
		if errors.Is(err, errEnded) || errors.As(err, &held) {
			continue
		}
		return inc, err
	}
	return inc, handlers.Again(time.Second)
}

// find returns the open incident that o belongs to.
func (d Deps) find(ctx context.Context, o *opening) (incident.Incident, error) {
	if o.find != nil {
		return o.find(ctx, o)
	}
	return d.byKey(ctx, o.key)
}

// attachTo attaches to an incident that is open, and lets it take keys.
func (d Deps) attachTo(ctx context.Context, o opening, id string, keys []incident.Key) (incident.Incident, error) {
	inc, err := d.Service.Do(ctx, id, o.actor, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
		if !inc.Status.Open() {
			return nil, errEnded
		}
		evs, err := o.attach(inc, act)
		if err == nil && len(evs) > 0 {
			adopt(inc, append(keys, o.more...)...)
		}
		return evs, err
	}, incident.WithKey(o.once), incident.CausedBy(o.cause, ""))
	if errors.Is(err, incident.ErrDuplicate) {
		return inc, nil
	}
	return inc, err
}

// adopt lets an incident take keys, so that what comes later finds it.
func adopt(inc *incident.Incident, keys ...incident.Key) {
	for _, k := range keys {
		known := slices.ContainsFunc(inc.Keys, func(o incident.Key) bool { return o.Text == k.Text })
		if !known && len(inc.Keys) < maxAdopted {
			inc.Keys = append(slices.Clip(inc.Keys), k)
		}
	}
}

// openOne opens an incident, or joins the storm. It reports whether nothing is left to do, which is so, too,
// where the same message opened one, or was attached to one, that has ended since.
func (d Deps) openOne(ctx context.Context, o opening) (incident.Incident, bool, error) {
	storming, err := d.storming(ctx, o)
	if err != nil {
		return incident.Incident{}, false, err
	}
	own := incident.NewKey(o.key, true)
	if storming {
		storm, err := d.byKey(ctx, o.storm)
		if err == nil {
			joined, err := d.attachTo(ctx, o, storm.ID, []incident.Key{own})
			return joined, err == nil, err
		}
		if !errors.Is(err, incident.ErrNotFound) {
			return incident.Incident{}, false, err
		}
		o.params.Name = fmt.Sprintf("%s: more than %d incidents in %s", o.stormName, o.burst, burstTime)
		first := incident.NewKey(o.storm+":"+o.once, false)
		o.params.Keys = []incident.Key{incident.NewKey(o.storm, true), own, first}
		inc, opened, err := d.create(ctx, o)
		ended := err == nil && !inc.Status.Open() && slices.Contains(inc.Keys, first) // it came before, and opened that one
		return inc, opened || ended, err
	}
	last, n, err := d.lastEpisode(ctx, o.episode)
	if err != nil {
		return incident.Incident{}, false, err
	}
	if inc, known, err := d.knownOf(ctx, n, o); err != nil || known {
		return inc, known, err
	}
	if last != "" {
		o.params.Related = append(o.params.Related, last)
	}
	o.params.Keys = []incident.Key{own, incident.NewKey(episodeKey(o.episode, n+1), false)}
	return d.create(ctx, o)
}

// knownOf looks for the message behind o in the latest episodes, of which the last is the n-th.
func (d Deps) knownOf(ctx context.Context, n int, o opening) (incident.Incident, bool, error) {
	for i := n; i > max(0, n-max(1, o.atOnce)); i-- {
		episode, err := d.byKey(ctx, episodeKey(o.episode, i))
		if err != nil {
			return episode, false, err
		}
		if inc, known, err := d.knows(ctx, episode.ID, o); err != nil || known {
			return inc, known, err
		}
	}
	return incident.Incident{}, false, nil
}

func episodeKey(prefix string, n int) string { return fmt.Sprintf("%s:%d", prefix, n) }

// clocksApart is how much earlier than it was stored a message may seem to have been handled: the two times are
// of two clocks.
const clocksApart = 5 * time.Minute

// knows returns an incident, and whether the message behind o is in the list of its events: it comes again,
// since whoever handled it died before they could say so.
func (d Deps) knows(ctx context.Context, id string, o opening) (inc incident.Incident, known bool, err error) {
	f := incident.EventFilter{IncidentID: id, Types: []incident.EventType{
		incident.EvReported, incident.EvDeclared, incident.EvAlert, incident.EvEntryAttached, incident.EvItemAdded,
	}, Limit: 1000}
	if !o.since.IsZero() {
		f.Since = o.since.Add(-clocksApart)
	}
	for {
		page, err := d.stores().Events(ctx, f)
		if err != nil {
			return inc, false, err
		}
		if slices.ContainsFunc(page.Events, func(ev incident.Event) bool { return o.once != "" && ev.Key == o.once }) {
			inc, err := d.stores().Get(ctx, id)
			return inc, err == nil, err
		}
		if f.Cursor = page.Next; page.Next == "" {
			return inc, false, nil
		}
	}
}

// create makes the incident.
func (d Deps) create(ctx context.Context, o opening) (incident.Incident, bool, error) {
	o.params.Keys = append(o.params.Keys, o.more...)
	create := d.Service.Report
	if o.declare {
		create = d.Service.Declare
	}
	return create(ctx, o.actor, o.params, incident.WithKey(o.once), incident.CausedBy(o.cause, ""))
}

// storming reports that whoever opens it has opened too many of late.
func (d Deps) storming(ctx context.Context, o opening) (bool, error) {
	if o.burst <= 0 {
		return false, nil
	}
	page, err := d.stores().Events(ctx, incident.EventFilter{
		Types: []incident.EventType{incident.EvReported, incident.EvDeclared}, Actor: o.actor.ID,
		Since: d.Now().Add(-burstTime), Limit: min(o.burst*2, 1000),
	})
	if err != nil {
		return false, err
	}
	opened := 0
	for _, ev := range page.Events {
		if ev.Actor.Kind == o.actor.Kind {
			opened++
		}
	}
	return opened >= o.burst, nil
}

// lastEpisode returns the incident of the latest episode and its number, "" and 0 for none. Episodes
// are numbered without gaps, so that the last one is found in few steps however many there were.
func (d Deps) lastEpisode(ctx context.Context, prefix string) (id string, n int, err error) {
	has := func(n int) (bool, error) {
		inc, err := d.byKey(ctx, episodeKey(prefix, n))
		if err == nil {
			id = inc.ID
		}
		return err == nil, notFoundIsNil(err)
	}
	low, high := 0, 1
	for {
		found, err := has(high)
		if err != nil {
			return "", 0, err
		}
		if !found {
			break
		}
		low, high = high, high*2
	}
	for low+1 < high {
		middle := (low + high) / 2
		found, err := has(middle)
		if err != nil {
			return "", 0, err
		}
		if found {
			low = middle
		} else {
			high = middle
		}
	}
	if low == 0 {
		return "", 0, nil
	}
	_, err = has(low)
	return id, low, err
}

// byKey returns the incident that holds a key.
func (d Deps) byKey(ctx context.Context, key string) (incident.Incident, error) {
	return d.stores().ByKey(ctx, incident.NewKey(key, false).Text)
}
