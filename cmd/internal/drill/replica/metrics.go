package replica

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/signals"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/quarantine"
)

// MetricsName is the file in which a replica says where its metrics are.
const MetricsName = "metrics.url"

// metrics is the role that serves the numbers of the others, and asks the store for all of them.
func (p *program) metrics(ctx context.Context, role guardian.Role) (err error) {
	at, err := config.ParseStore(p.spec.Store, p.dir)
	if err != nil {
		return err
	}
	store, closer, err := app.OpenStore(ctx, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	service, err := quarantine.New(store, quarantine.Config{Logger: p.log})
	if err != nil {
		return err
	}
	return signals.Serve(ctx, signals.ServeConfig{
		Config: p.signal(role, telemetry.MetricsConfig{
			Store: signals.StoreOf(service), Notices: signals.NoticesOf(service), Relay: signals.RelayOf(role.RelayStats),
		}),
		Listen: "127.0.0.1:0", Deaths: role.DeathsDir(), Roles: []string{RoleWorker},
		Serving: func(url string) {
			if err := os.WriteFile(filepath.Join(p.dir, MetricsName), []byte(url), 0o600); err != nil {
				p.log.Error("nobody will find the metrics", "error", err)
			}
			role.Ready()
		},
	})
}

// signals are those of a process of the replica.
func (p *program) signals(ctx context.Context, role guardian.Role, m telemetry.MetricsConfig) (*signals.Signals, error) {
	return signals.Start(ctx, p.signal(role, m))
}

func (p *program) signal(role guardian.Role, m telemetry.MetricsConfig) signals.Config {
	return signals.Config{
		Environ: p.environ, Service: "drill", Role: role.Name, Incarnation: role.Incarnation, Build: role.Build,
		Dir: filepath.Join(p.dir, StateName, "metrics"), Transport: role.Transport, Logger: p.log, Metrics: m,
	}
}
