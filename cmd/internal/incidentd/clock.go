package incidentd

import (
	"context"

	"github.com/theriac/theriac/cmd/internal/bus"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentclock"
	"github.com/theriac/theriac/internal/runner"
)

// clock is the role that publishes what was stored, asks for what is due, brings what happens in
// quarantine to the inbox and to Slack, and watches over all of it. It runs no handlers.
func (p program) clock(ctx context.Context, role guardian.Role) error {
	stores, err := p.openIncidents(ctx)
	if err != nil {
		return err
	}
	defer p.closes("incident store", stores.Close)
	alarm, err := p.alarms()
	if err != nil {
		return err
	}
	relay := func(ctx context.Context) error { return p.relay(ctx, stores) }
	poison := func(ctx context.Context) error { return p.watchQuarantine(ctx, stores) }
	clock := incidentclock.NewClock(incidentclock.ClockConfig{Store: stores, Logger: p.log})
	dog := incidentclock.NewWatchdog(incidentclock.WatchdogConfig{
		Watch: stores, Alarmer: alarm, Heartbeat: newHeartbeat(p.incident.Heartbeat), Logger: p.log,
	})
	role.Ready()
	return runner.Run(ctx, relay, clock.Run, dog.Run, poison)
}

// relay waits for the broker and publishes until ctx ends. Beats and watchdog need no broker, so they
// do not wait for it, nor end because of it.
func (p program) relay(ctx context.Context, stores incident.Stores) error {
	var b *bus.Bus
	err := p.until(ctx, "the broker is not there; what was stored waits", func() (err error) {
		b, err = p.openBus(ctx, roleClock)
		return err
	})
	if err != nil {
		return nil
	}
	defer b.Close()
	return incidentclock.NewRelay(incidentclock.RelayConfig{Outbox: stores, Publisher: publisher{b}, Logger: p.log}).Run(ctx)
}

// publisher puts what was stored on the bus.
type publisher struct{ bus *bus.Bus }

// Publish returns when the broker has it.
func (p publisher) Publish(ctx context.Context, o incident.Outgoing) error {
	return p.bus.Publish(ctx, o.Topic, handlers.Message{ID: o.DedupID(), Data: o.Data, Attributes: o.Attributes})
}
