package quarantineslack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// What the message of a group is made of is read from the store.

// readAudit brings the ledger of j up to date.
func (n *Notifier) readAudit(ctx context.Context, j *job) error {
	for range auditAtOnce / auditPage {
		rows, err := n.cfg.Service.GroupAudit(ctx, j.notice.Group.Fingerprint, j.ledger.upTo, auditPage)
		if err != nil {
			return err
		}
		j.ledger.add(rows, time.Now())
		if len(rows) < auditPage {
			return nil
		}
	}
	return nil
}

// facts reads what the message of j is made of.
func (n *Notifier) facts(ctx context.Context, j *job, now time.Time) (groupFacts, error) {
	g, e := j.notice.Group, j.notice.Latest
	if g.Counts[quarantine.StateHeld] > 0 && e.State != quarantine.StateHeld {
		page, err := n.cfg.Service.EntryList(ctx, quarantine.Query{
			Group: g.Ref, States: []quarantine.State{quarantine.StateHeld}, Limit: 1,
		})
		if err != nil {
			return groupFacts{}, err
		}
		if len(page.Entries) > 0 {
			e = page.Entries[0]
		}
	}
	if e.ID == "" {
		return groupFacts{}, fmt.Errorf("group %s has no entry: %w", g.Ref, quarantine.ErrNotFound)
	}
	whole, err := n.cfg.Service.EntryGet(ctx, quarantine.EntryKey{ID: e.ID}, quarantine.GetOptions{})
	switch {
	case err == nil:
		e = whole
	case !errors.Is(err, quarantine.ErrNotFound): // retention may have taken it
		return groupFacts{}, err
	}
	deaths, err := n.deaths(ctx, e)
	if err != nil {
		return groupFacts{}, err
	}
	f := groupFacts{group: g, entry: e, deaths: deaths, poison: j.ledger.poison, died: j.ledger.died}
	f.phase = phaseOf(g, f.poison, now)
	j.again = j.ledger.settling(now) && f.poison == "" && (f.phase == phaseContained || f.phase == phaseTaken || f.phase == phaseSnoozed)
	if j.again {
		f.phase = phaseReplaying
	}
	return f, nil
}

// deaths is how many workers died of an entry's message, those of wards not counted.
func (n *Notifier) deaths(ctx context.Context, e quarantine.Entry) (int, error) {
	if e.Reason != handlers.ReasonCrashed && e.Reason != handlers.ReasonHung {
		return 0, nil
	}
	page, err := n.cfg.Service.CrashList(ctx, quarantine.CrashQuery{
		Subscription: e.Subscription, MessageID: e.Message.ID, Limit: 100,
	})
	if err != nil {
		return 0, err
	}
	deaths := 0
	for _, c := range page.Reports {
		if !c.Alone {
			deaths++
		}
	}
	return deaths, nil
}

// phaseOf is where a group stands. poison is the entry whose replay failed last.
func phaseOf(g quarantine.Group, poison string, now time.Time) phase {
	switch {
	case g.Counts[quarantine.StateReplaying] > 0:
		return phaseReplaying
	case g.Counts[quarantine.StateHeld] == 0:
		return phaseResolved
	case g.SnoozedUntil.After(now):
		return phaseSnoozed
	case poison != "":
		return phasePoison
	case g.Taken.Actor.Name != "":
		return phaseTaken
	default:
		return phaseContained
	}
}
