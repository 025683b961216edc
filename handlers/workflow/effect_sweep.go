package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theriac/theriac/incident"
)

const effectSweepName = "effect.sweep"

// The limits of a sweep.
const (
	// sweepMaxAge is how old a tick may be: a newer one follows.
	sweepMaxAge = 2 * time.Minute
	// sweepAfter is how long an effect that is wanted may take by itself.
	sweepAfter = time.Minute
	// sweepTimes is how often a cause is published again.
	sweepTimes = 5
	// sweepPrefix begins the keys of sweeps.
	sweepPrefix = "sweep:"
	// sweepBatch is how many causes are published again for one incident and tick.
	sweepBatch = 50
)

// effectSweep publishes the causes of effects again that an incident should have had and has not, so
// that the repair takes the same way as the first try.
func (d Deps) effectSweep() Registration {
	return Registration{
		Name: effectSweepName, Topic: incident.TopicClock, Types: []string{string(incident.JobEffects)}, Critical: true, Pipeline: true,
		Timeout: 30 * time.Second, MaxAge: sweepMaxAge, Shed: ShedNever, Purge: PurgeSafe,
		Handler: d.onTick(string(incident.JobEffects), d.onSweep),
	}
}

// onSweep compares what is wanted with what was done.
func (d Deps) onSweep(ctx context.Context, r row, inc incident.Incident) (string, error) {
	if d.age(r) > sweepMaxAge {
		return "too late: a newer one follows", nil
	}
	rules, err := d.rules(ctx)
	if err != nil {
		return "", err
	}
	rows, err := d.stores().EffectList(ctx, inc.ID)
	if err != nil {
		return "", err
	}
	missing, err := d.missing(ctx, inc.Wanted(rules), rows, inc.ID)
	if err != nil {
		return "", err
	}
	var all error
	for _, m := range missing[:min(len(missing), sweepBatch)] {
		all = errors.Join(all, d.bringBack(ctx, inc.ID, m))
	}
	return fmt.Sprintf("%d were missing", len(missing)), all
}

// lost is an effect that did not happen, and the event that causes it. Why says that nobody comes back to it.
type lost struct{ key, event, why string }

// missing returns what is to be brought back.
func (d Deps) missing(ctx context.Context, wanted []incident.Wanted, rows []incident.Effect, id string) ([]lost, error) {
	known := map[string]incident.Effect{}
	for _, row := range rows {
		known[row.Key] = row
	}
	var missing []lost
	add := func(key, event string) {
		if sweep := known[sweepPrefix+key]; event != "" && sweep.Attempt < sweepTimes && !sweep.NotBefore.After(d.Now()) {
			missing = append(missing, lost{key: key, event: event})
		}
	}
	for _, row := range rows {
		switch {
		case !d.stuck(row):
		case strings.HasPrefix(row.Key, hookPrefix) && d.Now().Sub(row.Claimed) > hookPatience:
			missing = append(missing, lost{key: row.Key, event: row.EventID, why: "nobody delivered it in time"})
		default:
			add(row.Key, row.EventID)
		}
	}
	for _, w := range wanted {
		if _, begun := known[w.Key]; begun || announcing(rows, w) || d.Now().Sub(w.Since) < sweepAfter {
			continue
		}
		event, err := d.cause(ctx, id, w)
		if err != nil {
			return nil, err
		}
		add(w.Key, event)
	}
	return missing, nil
}

// announcing reports that a headline was begun: there is one in each channel, with a key of its own. One that
// failed before it was wanted is of an earlier life of its incident.
func announcing(rows []incident.Effect, w incident.Wanted) bool {
	return strings.HasPrefix(w.Key, "headline:") && slices.ContainsFunc(rows, func(row incident.Effect) bool {
		return strings.HasPrefix(row.Key, w.Key+":") && (row.State != incident.EffectFailed || row.Finished.After(w.Since))
	})
}

// bringBack publishes a cause again. That is an effect itself, one that waits longer after each time and
// is not repeated for ever: a cause that kills its handler is no better the sixth time. Deliveries to
// endpoints are bounded by their own schedule.
func (d Deps) bringBack(ctx context.Context, id string, m lost) error {
	switch {
	case m.why != "":
		return d.run(ctx, effect{
			key: m.key, incident: id, event: m.event, handler: effectSweepName, silent: true,
			refuse: func(context.Context) (string, error) { return m.why, nil },
		})
	case strings.HasPrefix(m.key, hookPrefix):
		return d.stores().Republish(ctx, m.event)
	}
	return d.run(ctx, effect{
		key: sweepPrefix + m.key, incident: id, event: m.event, handler: effectSweepName, silent: true,
		do: func(ctx context.Context) (incident.EffectEnd, error) {
			if err := d.stores().Republish(ctx, m.event); err != nil {
				return incident.EffectEnd{}, err
			}
			return incident.EffectEnd{}, Later(errPublishedAgain, 0)
		},
		released: func(attempt int, err error) (time.Duration, error) {
			if errors.Is(err, errPublishedAgain) {
				return sweepAfter << min(attempt, sweepTimes), nil
			}
			return 0, err
		},
	})
}

// errPublishedAgain keeps the row of a sweep open for the next time.
var errPublishedAgain = errors.New("its cause was published again")

// stuck reports a row whose owner died, or whose wait has passed, and that nobody came back to.
func (d Deps) stuck(row incident.Effect) bool {
	now := d.Now()
	if strings.HasPrefix(row.Key, sweepPrefix) || UpToDate(row) {
		return false
	}
	switch row.State {
	case incident.EffectClaimed:
		return now.After(row.LeaseUntil) && now.Sub(row.Claimed) > sweepAfter
	case incident.EffectWaiting:
		own := strings.HasPrefix(row.Key, hookPrefix) // it keeps its own schedule, and nobody else comes back to it
		return now.After(row.NotBefore) && (own || now.Sub(row.NotBefore) > sweepAfter)
	default:
		return false
	}
}

// endLeftOver ends what somebody began because of an event, died over, and nobody would begin now: a handler calls
// it, with what its keys begin with, once it has done all that its event asks for still. Only a message that comes
// again, such as from a sweep, has any. Nil redo ends it undone; redo shows what stands outside once more, since
// the one that died may have shown something older, after the newest.
func (d Deps) endLeftOver(ctx context.Context, r *received, handler, prefix string, redo func(context.Context) error) error {
	now := d.Now()
	if now.Sub(r.ev.RecordedAt) < sweepAfter {
		return nil
	}
	rows, err := d.stores().EffectList(ctx, r.inc.ID)
	if err != nil {
		return err
	}
	var all error
	for _, row := range rows {
		if row.EventID != r.ev.ID || !strings.HasPrefix(row.Key, prefix) || !begun(row) || row.LeaseUntil.After(now) || row.NotBefore.After(now) {
			continue
		}
		e := effect{key: row.Key, incident: r.inc.ID, event: r.ev.ID, handler: handler, silent: true}
		if redo != nil {
			e.do = func(ctx context.Context) (incident.EffectEnd, error) { return incident.EffectEnd{}, redo(ctx) }
		} else {
			e.refuse = func(context.Context) (string, error) { return "it is not wanted any more", nil }
		}
		all = errors.Join(all, d.run(ctx, e))
	}
	return all
}

// cause returns the latest event of the type that causes an effect; of a page, that of its step.
func (d Deps) cause(ctx context.Context, id string, w incident.Wanted) (string, error) {
	var latest string
	step, isPage := strings.CutPrefix(w.Key, "page:")
	for after := int64(0); ; {
		page, err := d.stores().Events(ctx, incident.EventFilter{IncidentID: id, AfterSeq: after, Types: []incident.EventType{w.Event}, Limit: 1000})
		if err != nil {
			return "", err
		}
		for _, ev := range page.Events {
			after = ev.Seq
			if level, ok := strings.CutPrefix(ev.Key, "level:"); !isPage || (ok && strings.HasPrefix(step, level+":")) {
				latest = ev.ID
			}
		}
		if len(page.Events) < 1000 {
			return latest, nil
		}
	}
}
