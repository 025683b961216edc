package incidentd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/quarantine"
)

const (
	// standingEvery is how soon an incident that is new hears of what is in force.
	standingEvery = 5 * time.Second
	// standingAgain is how soon one that could not show it, having no channel yet, is asked again.
	standingAgain = time.Minute
	bridgeBatch   = 500
)

// shown is what a bridge knows of orders about the flow of messages.
type shown struct {
	// known are the orders that were not over when they were last looked at, by subscription; "" is the
	// level of the service.
	known map[string]quarantine.Control
	began bool
	// asked says, of each order in force, since when each incident was told: zero once it shows it, or
	// never will.
	asked map[int64]map[string]time.Time
	// stood is when the incidents were last gone through, version what was in force then.
	stood   time.Time
	version int64
}

// begin takes in, once, what is in force and older than what the bridge reads of the audit: to end it
// later it must know the version. An order that is older and ended while no bridge ran is not known.
func (s *shown) begin(c quarantine.Controls, rows []quarantine.AuditRow) {
	if s.began {
		return
	}
	s.began, s.known, s.asked = true, map[string]quarantine.Control{}, map[int64]map[string]time.Time{}
	for _, one := range c.InForce {
		isIt := func(r quarantine.AuditRow) bool { return r.Control != "" && r.Version == one.Version }
		if !slices.ContainsFunc(rows, isIt) {
			s.known[one.Subscription] = one
		}
	}
}

// controlOf is the order of an act, which holds nothing if the act ended one.
func controlOf(row quarantine.AuditRow) (c quarantine.Control, sets bool) {
	c = quarantine.Control{Ordered: row.Decision, Until: row.Until, Version: row.Version}
	if row.Control == quarantine.ControlShed {
		c.Level = handlers.ShedLevel(row.Ref)
		return c, c.Level != handlers.ShedNothing
	}
	c.Subscription = row.Ref
	return c, row.Control == quarantine.ControlPause
}

// order tells every open incident of an act, and of what it ended.
func (b *bridge) order(ctx context.Context, row quarantine.AuditRow, inForce quarantine.Controls) error {
	c, sets := controlOf(row)
	before, there := b.shown.known[c.Subscription]
	var ends int64
	switch {
	case !there:
	case before.Version >= c.Version: // it comes late, and what followed was told
		return nil
	case before.Holds(row.Decision.At):
		ends = before.Version
	default:
		if err := b.expired(ctx, before, inForce); err != nil {
			return err
		}
	}
	if b.trail.tells(row) {
		if err := b.everywhere(ctx, b.change(row.Control, c, ends, inForce)); err != nil {
			return err
		}
	}
	if delete(b.shown.known, c.Subscription); sets {
		b.shown.known[c.Subscription] = c
	}
	return nil
}

// expiries tells of orders whose time has passed with nobody acting.
func (b *bridge) expiries(ctx context.Context, inForce quarantine.Controls) error {
	for sub, c := range b.shown.known {
		if c.Holds(inForce.At) {
			continue
		}
		if err := b.expired(ctx, c, inForce); err != nil {
			return err
		}
		delete(b.shown.known, sub)
	}
	return nil
}

func (b *bridge) expired(ctx context.Context, c quarantine.Control, inForce quarantine.Controls) error {
	if c.Until.Before(b.trail.from) {
		return nil
	}
	e := b.change("", c, c.Version, inForce)
	e.ID += ":expired"
	e.At, e.By, e.Reason = c.Until, "", ""
	e.Control.Verb, e.Control.Standing = workflow.ControlExpired, false
	return b.everywhere(ctx, e)
}

// change is the event of an order, for an incident that is not named yet.
func (b *bridge) change(verb quarantine.ControlVerb, c quarantine.Control, ends int64, inForce quarantine.Controls) workflow.QuarantineEvent {
	return workflow.QuarantineEvent{
		ID: fmt.Sprintf("control:%d", c.Version), Kind: workflow.ControlChanged, At: c.Ordered.At, Version: c.Version,
		Subscription: c.Subscription, By: c.Ordered.Actor.Name, Reason: c.Ordered.Reason,
		Control: &workflow.ControlChange{
			Verb: workflow.ControlVerb(verb), Level: string(c.Level), Until: c.Until, Ends: ends, Standing: holds(inForce, c.Version),
		},
	}
}

// everywhere puts a row for each incident that may be open into the inbox: the handler looks. Documents
// are not opened here.
func (b *bridge) everywhere(ctx context.Context, e workflow.QuarantineEvent) error {
	return b.eachIncident(ctx, func(ids []string) error {
		var rows []incident.Inbound
		for _, id := range ids {
			row, err := controlRow(e, id, "")
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		_, err := b.store.Accept(ctx, rows...)
		return err
	})
}

// controlRow is the row of one incident.
func controlRow(e workflow.QuarantineEvent, inc, suffix string) (incident.Inbound, error) {
	c := *e.Control
	c.Incident = inc
	e.Control, e.ID = &c, e.ID+":"+inc+suffix
	row, err := rowOf(e)
	row.Attributes = map[string]string{incident.AttrIncident: inc}
	return row, err
}

func (b *bridge) eachIncident(ctx context.Context, f func(ids []string) error) error {
	for after := ""; ; {
		found, err := b.store.Sweepable(ctx, after, bridgeBatch)
		if err != nil || len(found) == 0 {
			return err
		}
		ids := make([]string, 0, len(found))
		for _, d := range found {
			ids = append(ids, d.IncidentID)
		}
		if err := f(ids); err != nil {
			return err
		}
		after = ids[len(ids)-1]
	}
}

// standing tells incidents that began later, or could not show it, of what is in force.
func (b *bridge) standing(ctx context.Context, inForce quarantine.Controls, now time.Time) error {
	s := &b.shown
	for version := range s.asked {
		if !holds(inForce, version) {
			delete(s.asked, version)
		}
	}
	if len(inForce.InForce) == 0 || (s.version == inForce.Version && now.Sub(s.stood) < standingEvery) {
		return nil
	}
	for _, c := range inForce.InForce {
		verb := quarantine.ControlPause
		if c.Subscription == "" {
			verb = quarantine.ControlShed
		}
		e := b.change(verb, c, 0, inForce)
		if err := b.eachIncident(ctx, func(ids []string) error { return b.stand(ctx, e, ids, now) }); err != nil {
			return err
		}
	}
	s.stood, s.version = now, inForce.Version
	return nil
}

// holds reports whether the order of a version is in force.
func holds(c quarantine.Controls, version int64) bool {
	return slices.ContainsFunc(c.InForce, func(one quarantine.Control) bool { return one.Version == version })
}

// stand asks those that were not asked yet, and those that were a while ago and have nothing to show
// for it.
func (b *bridge) stand(ctx context.Context, e workflow.QuarantineEvent, ids []string, now time.Time) error {
	asked := b.shown.asked[e.Version]
	if asked == nil {
		asked = map[string]time.Time{}
		b.shown.asked[e.Version] = asked
	}
	var rows []incident.Inbound
	var these []string
	for _, id := range ids {
		last, known := asked[id]
		suffix := ""
		if known {
			if last.IsZero() || now.Sub(last) < standingAgain {
				continue
			}
			_, err := b.store.Effect(ctx, workflow.BannerKey(e.Version, id))
			if err == nil {
				asked[id] = time.Time{}
				continue
			}
			if !errors.Is(err, incident.ErrNotFound) {
				return err
			}
			suffix = fmt.Sprintf(":%d", now.Unix()/int64(standingAgain/time.Second))
		}
		row, err := controlRow(e, id, suffix)
		if err != nil {
			return err
		}
		rows, these = append(rows, row), append(these, id)
	}
	if len(rows) == 0 {
		return nil
	}
	if _, err := b.store.Accept(ctx, rows...); err != nil {
		return err
	}
	for _, id := range these {
		asked[id] = now
	}
	return nil
}
