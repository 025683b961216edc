package incidentd

import (
	"context"
	"errors"
	"time"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/notices"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
)

// askAgain is how often what is not there yet is looked for.
const askAgain = 2 * time.Second

// openRoom opens the quarantine's store, for a process that runs no handlers. The second result
// closes it.
func (p program) openRoom(ctx context.Context) (*quarantine.Service, func(), error) {
	store, closer, err := app.OpenStore(ctx, p.settings.Store)
	if err != nil {
		return nil, nil, err
	}
	room, err := quarantine.New(store, quarantine.Config{Logger: p.log})
	if err != nil {
		return nil, nil, errors.Join(err, closer.Close())
	}
	return room, func() { p.closes("quarantine store", closer.Close) }, nil
}

// lateRoom is the quarantine of a process that does without where it is not there: it is opened by
// whoever asks first, and asked for again after a failure. Make one with newLateRoom. It is safe for
// concurrent use.
type lateRoom struct {
	open func(ctx context.Context) (*quarantine.Service, func(), error)

	gate  chan struct{} // holds one element while somebody has what follows; unlike a mutex nobody waits for ever
	room  *quarantine.Service
	shuts func()
}

func newLateRoom(open func(ctx context.Context) (*quarantine.Service, func(), error)) *lateRoom {
	return &lateRoom{open: open, gate: make(chan struct{}, 1)}
}

// get returns the room, and opens it if it is not open. It waits for somebody else who opens it until ctx ends.
func (l *lateRoom) get(ctx context.Context) (*quarantine.Service, error) {
	select {
	case l.gate <- struct{}{}:
		defer func() { <-l.gate }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if l.room != nil {
		return l.room, nil
	}
	room, shuts, err := l.open(ctx)
	if err == nil {
		l.room, l.shuts = room, shuts
	}
	return room, err
}

// close closes it if it was opened.
func (l *lateRoom) close() {
	l.gate <- struct{}{}
	defer func() { <-l.gate }()
	if l.shuts != nil {
		l.shuts()
	}
}

// served reports whether a living worker serves a subscription.
func (l *lateRoom) served(ctx context.Context, subscription string) (bool, error) {
	room, err := l.get(ctx)
	if err != nil {
		return false, err
	}
	return room.Served(ctx, subscription)
}

// controls are the orders that are in force, in the words of incidents.
func (l *lateRoom) controls(ctx context.Context) ([]incident.ControlShown, error) {
	room, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	c, err := room.Controls(ctx)
	if err != nil {
		return nil, err
	}
	var all []incident.ControlShown
	for _, one := range c.InForce {
		all = append(all, shownOf(one))
	}
	return all, nil
}

// shownOf is an order in the words of incidents.
func shownOf(c quarantine.Control) incident.ControlShown {
	return incident.ControlShown{
		Version: c.Version, Subscription: c.Subscription, Level: string(c.Level),
		By: c.Ordered.Actor.Name, Reason: c.Ordered.Reason, Since: c.Ordered.At, Until: c.Until,
	}
}

// watchQuarantine does what the clock does with the quarantine's store, from when that is there: it
// brings what happens to incidents, and tells people in Slack what is held. Relay, beats and watchdog
// do not wait for it, and it ends with ctx alone.
func (p program) watchQuarantine(ctx context.Context, stores incident.Stores) error {
	var room *quarantine.Service
	var closeRoom func()
	err := p.until(ctx, "the quarantine's store is not there; incidents do not hear of poison", func() (err error) {
		room, closeRoom, err = p.openRoom(ctx)
		return err
	})
	if err != nil {
		return nil
	}
	defer closeRoom()
	bridge := p.newBridge(room, stores)
	return runner.Run(ctx, bridge.Run, func(ctx context.Context) error { return p.tellNotices(ctx, room) })
}

// tellNotices tells people in Slack what is held, with no worker alive. Whatever runs beside it on the
// same store and channel agrees on who tells. Where there is no Slack to tell in it says so and does
// nothing; nothing of Slack ends it.
func (p program) tellNotices(ctx context.Context, room *quarantine.Service) error {
	var told *notices.Notices
	err := p.until(ctx, "no Slack to tell what is held in", func() error {
		settings, err := p.notices(ctx)
		if err != nil {
			return err
		}
		told, err = notices.New(notices.Config{Settings: settings, Service: room, Declare: declaredElsewhere, Elsewhere: true, Logger: p.log})
		if err != nil {
			p.log.ErrorContext(ctx, "nobody is told what is held", "err", err)
		}
		return nil // settings do not mend themselves
	})
	if err != nil || told == nil {
		return nil
	}
	defer told.Close()
	return told.Tell(ctx)
}

// until tries f until it succeeds, and says once that it does not. Its error is that of ctx.
func (p program) until(ctx context.Context, trouble string, f func() error) error {
	pause := time.NewTicker(askAgain)
	defer pause.Stop()
	for said := false; ; {
		err := f()
		if err == nil {
			if said {
				p.log.InfoContext(ctx, "it is there now", "after", trouble)
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !said {
			p.log.WarnContext(ctx, trouble, "err", err)
			said = true
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
