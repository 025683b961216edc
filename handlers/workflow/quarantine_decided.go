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
const decidedPatience = 2 * time.Minute

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

// onDecided finds the incident by the entry, which it keeps after its end, or by the problem.
func (d Deps) onDecided(ctx context.Context, r row, e QuarantineEvent, decision string) (string, error) {
	inc, err := d.byKey(ctx, entryKey(e.Entry))
	if errors.Is(err, incident.ErrNotFound) && e.Fingerprint != "" {
		inc, err = d.byKey(ctx, "quarantine:"+e.Fingerprint)
	}
	switch {
	case errors.Is(err, incident.ErrNotFound) && d.age(r) < decidedPatience && !pipeline(e.Subscription):
		return "", handlers.Again(5 * time.Second)
	case errors.Is(err, incident.ErrNotFound):
		return "no incident has this entry", nil
	case err != nil:
		return "", err
	}
	for id := inc.ID; id != ""; id = inc.MergedInto {
		inc, err = d.do(ctx, id, byQuarantine(e), func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.DecideEntry(act, incident.EntryDecision{
				Ref: e.Entry, Version: e.Version, Decision: decision, By: e.By, Reason: e.Reason, At: e.At,
			})
		}, incident.WithKey(fmt.Sprintf("decision:%s:%d", e.Entry, e.Version)), incident.CausedBy(r.id, ""))
		if !errors.Is(err, incident.ErrNotFound) { // else its entries may live on where it was merged into
			break
		}
	}
	if errors.Is(err, incident.ErrNotFound) {
		return "the incident does not know this entry", nil
	}
	return inc.Ref(), err
}
