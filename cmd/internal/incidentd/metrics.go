package incidentd

import (
	"context"
	"path/filepath"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/signals"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/quarantine"
)

// metrics is the role that serves the numbers of all others, and goes on when they die.
func (p program) metrics(ctx context.Context, role guardian.Role) (err error) {
	store, closer, err := app.OpenStore(ctx, p.settings.Store)
	if err != nil {
		return err
	}
	defer p.closes("quarantine store", closer.Close)
	service, err := quarantine.New(store, quarantine.Config{Logger: p.log})
	if err != nil {
		return err
	}
	listen, err := signals.Listen(p.environ)
	if err != nil {
		return err
	}
	return signals.Serve(ctx, signals.ServeConfig{
		Config: p.signal(role, telemetry.MetricsConfig{
			Store: signals.StoreOf(service), Notices: signals.NoticesOf(service), Relay: signals.RelayOf(role.RelayStats),
		}),
		Listen: listen, Deaths: role.DeathsDir(), Roles: workers(),
		Serving: func(string) { role.Ready() },
	})
}

// signal says whose signals a process's are.
func (p program) signal(role guardian.Role, m telemetry.MetricsConfig) signals.Config {
	return signals.Config{
		Environ: p.environ, Service: "incidentd", Role: role.Name, Incarnation: role.Incarnation, Build: role.Build,
		Dir: filepath.Join(p.settings.DataDir, "metrics"), Transport: role.Transport, Logger: p.log, Metrics: m,
	}
}
