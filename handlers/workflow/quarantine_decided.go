package workflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
)

const quarantineDecidedName = "quarantine.decided"

// decidedPatience is how long a decision waits for the incident of its entry: the two topics' handlers
// run beside each other, and somebody may be quicker than they are.
const (
	decidedPatience = 2 * time.Minute
	decidedWait     = 5 * time.Second
)

// quarantineDecided writes decisions about entries into their incidents.
func (d Deps) quarantineDecided() Registration {
	kinds := []QuarantineKind{EntryReplayed, ReplayFailed, EntryDiscarded, EntryRestored}
	return Registration{
		Name: quarantineDecidedName, Topic: incident.TopicQuarantine, Critical: true, Pipeline: true,
		Types:   kindNames(kinds),
		Timeout: 10 * time.Second, Shed: ShedNever, Purge: PurgeNever,
		Handler: d.onQuarantine(kinds, func(ctx context.Context, r row, e QuarantineEvent) (string, error) {
			decision, _ := e.decision()
			return d.onDecided(ctx, r, e, decision)
		}),
	}
}

// entryToCome returns how long to wait for the incident of an entry: its own event may not be handled yet,
// and after an outage both come at once.
func (d Deps) entryToCome(ctx context.Context, r row, e QuarantineEvent) (time.Duration, error) {
	if pipeline(e.Subscription) {
		return 0, nil
	}
	if d.age(r) < decidedPatience {
		return decidedWait, nil
	}
	told, err := d.stores().Inbound(ctx, PoisonID(e.Entry))
	if err != nil || !told.Handled.IsZero() {
		return 0, notFoundIsNil(err)
	}
	return 6 * decidedWait, nil
}

// onDecided writes a decision down, or waits for the incident that it belongs to.
func (d Deps) onDecided(ctx context.Context, r row, e QuarantineEvent, decision string) (string, error) {
	inc, err := d.decide(ctx, r, e, decision)
	if !errors.Is(err, incident.ErrNotFound) {
		return inc.Ref(), err
	}
	wait, err := d.entryToCome(ctx, r, e)
	switch {
	case err != nil:
		return "", err
	case wait > 0:
		return "", handlers.Again(wait)
	}
	return "no incident has this entry", nil
}

// decide finds the incident by the entry, which it keeps after its end, or by the problem, and writes the
// decision into it, or into the one that it lives on in. ErrNotFound.
func (d Deps) decide(ctx context.Context, r row, e QuarantineEvent, decision string) (incident.Incident, error) {
	inc, err := d.byKey(ctx, entryKey(e.Entry))
	if errors.Is(err, incident.ErrNotFound) && e.Fingerprint != "" {
		inc, err = d.byKey(ctx, "quarantine:"+e.Fingerprint)
	}
	if err != nil {
		return inc, err
	}
	for id := inc.ID; id != ""; id = inc.MergedInto {
		inc, err = d.do(ctx, id, byQuarantine(e), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.DecideEntry(act, incident.EntryDecision{
				Ref: e.Entry, Version: e.Version, Decision: decision, By: e.By, Reason: e.Reason, At: e.At,
			})
		}, incident.WithKey(fmt.Sprintf("decision:%s:%d", e.Entry, e.Version)), incident.CausedBy(r.id, ""))
		if !errors.Is(err, incident.ErrNotFound) {
			break
		}
	}
	return inc, err
}
