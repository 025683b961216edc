package incidentd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantineslack"
)

const (
	bridgeEvery = 500 * time.Millisecond
	// bridgeBack is how far back a new bridge looks: what happened while none ran is made up for, and what
	// was told already is known to the inbox by its id.
	bridgeBack = 24 * time.Hour
	// bridgeOverlap is looked at again each time, since what is committed later may have a lower number.
	bridgeOverlap = time.Minute
	bridgePage    = 200
	// crashSettles is how long a death has to become an entry, which says more than the death does.
	crashSettles = 15 * time.Second
)

// bridgeStore is what a bridge needs of the store of incidents: rows and columns, never a document.
type bridgeStore interface {
	incident.Inbox
	// Now and Sweepable are those of [incident.Watch], Effect is that of [incident.Effects].
	Now(ctx context.Context) (time.Time, error)
	Sweepable(ctx context.Context, after string, limit int) ([]incident.Due, error)
	Effect(ctx context.Context, key string) (incident.Effect, error)
}

// bridge brings what happens in quarantine to the inbox of incidents, from where the relay publishes
// it. It reads the quarantine's store, so it misses nothing that any process stored; each thing has an
// id, so that two bridges, or one after a restart, tell it once. What concerns the incident pipeline
// itself is left out: that goes to the backup notifier, from the process that stored it.
type bridge struct {
	room     *quarantine.Service
	store    bridgeStore
	critical func(subscription string) bool
	skip     map[string]bool
	own      []string // roles of this service
	log      *slog.Logger

	told     told
	since    time.Time // entries and deaths are listed from here
	trail    trail
	shown    shown
	troubled bool
}

// told are the ids that were told within the overlap, so that they are not offered again and again.
type told map[string]time.Time

// newBridge returns the bridge of the settings.
func (p program) newBridge(room *quarantine.Service, store bridgeStore) *bridge {
	return newBridge(room, store, func(sub string) bool { return slices.Contains(p.incident.Notices.Critical, sub) }, p.log)
}

// newBridge returns a bridge. Subscriptions of this service that are critical are so by their
// registration, others as critical says.
func newBridge(room *quarantine.Service, store bridgeStore, critical func(string) bool, log *slog.Logger) *bridge {
	ours := map[string]bool{}
	for _, r := range registrations(workflow.Deps{}) {
		ours[r.Subscription()] = r.Critical
	}
	return &bridge{
		room: room, store: store, skip: pipeline(), own: ownRoles(), log: log, told: told{},
		critical: func(sub string) bool { return ours[sub] || critical(sub) },
	}
}

// Run looks until ctx ends, and returns nil.
func (b *bridge) Run(ctx context.Context) error {
	ticker := time.NewTicker(bridgeEvery)
	defer ticker.Stop()
	for {
		if err := b.look(ctx); err != nil && ctx.Err() == nil {
			if !b.troubled {
				b.log.ErrorContext(ctx, "what happens in quarantine does not reach incidents; it is made up for later", "err", err)
			}
			b.troubled = true
		} else if b.troubled {
			b.troubled = false
			b.log.InfoContext(ctx, "what happens in quarantine reaches incidents again")
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// look tells what is new.
func (b *bridge) look(ctx context.Context) error {
	now, err := b.store.Now(ctx)
	if err != nil {
		return err
	}
	if b.since.IsZero() {
		b.since = now.Add(-bridgeBack)
		b.trail.from = b.since
	}
	if err := errors.Join(b.entries(ctx), b.acts(ctx, now), b.crashes(ctx, now)); err != nil {
		return err
	}
	if next := now.Add(-bridgeOverlap - crashSettles); next.After(b.since) {
		b.since = next
	}
	for id, at := range b.told {
		if at.Before(b.since) {
			delete(b.told, id)
		}
	}
	return nil
}

// entries tells of messages that are held.
func (b *bridge) entries(ctx context.Context) error {
	q := quarantine.Query{Since: b.since, Limit: bridgePage, OldestFirst: true}
	for {
		page, err := b.room.EntryList(ctx, q)
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			if err := b.entry(ctx, e); err != nil {
				return err
			}
		}
		if q.After = page.Next; q.After == 0 {
			return nil
		}
	}
}

func (b *bridge) entry(ctx context.Context, e quarantine.Entry) error {
	if b.skip[e.Subscription] {
		return nil
	}
	id := workflow.PoisonID(e.Ref)
	if _, ok := b.told[id]; ok {
		return nil
	}
	whole, err := b.room.EntryGet(ctx, quarantine.EntryKey{ID: e.ID}, quarantine.GetOptions{})
	if err != nil {
		return err
	}
	event := workflow.QuarantineEvent{
		ID: id, Kind: workflow.EntryQuarantined, At: e.HeldAt, Fingerprint: e.Fingerprint, Group: e.Group, Entry: e.Ref, Version: 1,
		Subscription: e.Subscription, Critical: b.critical(e.Subscription), Where: e.Where,
		// Of the entry's own title only what cannot carry what was in the payload: incidents are told far and wide.
		Title: cmp.Or(quarantineslack.Title(whole), fmt.Sprintf("a message of %s is held: %s", e.Subscription, e.Reason)),
	}
	if len(whole.CrashReports) > 0 {
		event.Crash = whole.CrashReports[0]
	}
	return b.tell(ctx, event)
}

// decision tells of what somebody, or the system, decided about an entry.
func (b *bridge) decision(ctx context.Context, row quarantine.AuditRow) error {
	kind, ok := decisionKind(row)
	if !ok {
		return nil
	}
	event := workflow.QuarantineEvent{
		ID: "decision:" + row.Ref + ":" + strconv.FormatInt(row.Version, 10), Kind: kind, At: row.Decision.At, Entry: row.Ref,
		Version: row.Version, By: row.Decision.Actor.Name, Reason: row.Decision.Reason,
	}
	e, err := b.room.EntryGet(ctx, quarantine.EntryKey{ID: row.EntryID}, quarantine.GetOptions{})
	switch {
	case errors.Is(err, quarantine.ErrNotFound): // it was deleted since
	case err != nil:
		return err
	case b.skip[e.Subscription]:
		return nil
	default:
		event.Fingerprint, event.Group, event.Subscription = e.Fingerprint, e.Group, e.Subscription
	}
	return b.tell(ctx, event)
}

// decisionKind is what a row of the audit says of an entry, false for what decides nothing.
func decisionKind(row quarantine.AuditRow) (workflow.QuarantineKind, bool) {
	switch {
	case row.EntryID == "":
		return "", false
	case row.To == quarantine.StateReplayed:
		return workflow.EntryReplayed, true
	case row.To == quarantine.StateDiscarded:
		return workflow.EntryDiscarded, true
	case row.To == quarantine.StateHeld && row.From == quarantine.StateDiscarded:
		return workflow.EntryRestored, true
	case row.To == quarantine.StateHeld && row.From == quarantine.StateReplaying:
		return workflow.ReplayFailed, true
	default:
		return "", false
	}
}

// crashes tells of deaths that left no entry behind: those that nobody can be blamed for, and those
// whose suspects were all cleared. Of the others the entry tells.
func (b *bridge) crashes(ctx context.Context, now time.Time) error {
	q := quarantine.CrashQuery{Since: b.since, Until: now.Add(-crashSettles), Limit: bridgePage}
	for {
		page, err := b.room.CrashList(ctx, q)
		if err != nil {
			return err
		}
		for _, c := range page.Reports {
			if c.Alone || slices.Contains(b.own, c.Role) || c.Suspects[quarantine.SuspectHeld] > 0 || c.Suspects[quarantine.SuspectWaiting] > 0 {
				continue
			}
			err := b.tell(ctx, workflow.QuarantineEvent{
				ID: "crash:" + c.Ref, Kind: workflow.WorkerCrashed, At: c.ReportedAt, Crash: c.Ref,
				Fingerprint: fmt.Sprintf("crash:%s:%s", c.Role, c.Kind), Title: fmt.Sprintf("%s died: %s", c.Role, c.Kind),
			})
			if err != nil {
				return err
			}
		}
		if q.After = page.Next; q.After == 0 {
			return nil
		}
	}
}

// tell puts an event into the inbox, unless it was told.
func (b *bridge) tell(ctx context.Context, e workflow.QuarantineEvent) error {
	if _, ok := b.told[e.ID]; ok {
		return nil
	}
	row, err := rowOf(e)
	if err != nil {
		return err
	}
	_, err = b.store.Accept(ctx, row)
	if err == nil {
		b.told[e.ID] = e.At
	}
	return err
}

// rowOf is an event as the inbox takes it.
func rowOf(e workflow.QuarantineEvent) (incident.Inbound, error) {
	e.V = 1
	body, err := json.Marshal(e)
	return incident.Inbound{ID: e.ID, Topic: incident.TopicQuarantine, Kind: string(e.Kind), Body: body}, err
}
