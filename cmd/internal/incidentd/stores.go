package incidentd

import (
	"context"
	"os"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/bus"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/quarantine"
)

// openIncidents opens the store of incidents. The embedded one is made where there is none.
func (p program) openIncidents(ctx context.Context) (incident.Stores, error) {
	return app.OpenIncidents(ctx, p.incident.Store, app.Write)
}

// openBus connects to the broker and sees to it that all topics and subscriptions exist. It waits for
// an embedded broker.
func (p program) openBus(ctx context.Context, name string) (*bus.Bus, error) {
	b, err := bus.Open(ctx, bus.Config{Broker: p.settings.Broker, Name: "incidentd " + name})
	if err != nil {
		return nil, err
	}
	if err := b.Setup(ctx, topology()); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// me describes this process in the registry of workers.
func (p program) me(role guardian.Role, subscriptions []string) quarantine.Worker {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return quarantine.Worker{
		Name: role.Name, Host: host, Build: role.Build, PID: os.Getpid(), Subscriptions: subscriptions,
	}
}

// closes closes something whose failure changes nothing any more.
func (p program) closes(what string, f func() error) {
	if err := f(); err != nil {
		p.log.Warn("could not be closed in order", "what", what, "err", err)
	}
}
