package signals

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/theriac/theriac/cmd/internal/metrics"
	"github.com/theriac/theriac/consumer/guardian/crashrecord"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/consumer/ward"
	"github.com/theriac/theriac/internal/runner"
)

// ServeConfig says what the metrics role serves, and where.
type ServeConfig struct {
	// Config is the role's own: its Dir is where the socket and the state file are, and required. Its
	// Metrics may ask the store.
	Config
	// Listen is the address of /metrics, /healthz and /readyz. Required. With port 0 any is taken.
	Listen string
	// Deaths is guardian.Role.DeathsDir: crash records that nobody takes in, since no worker starts any
	// more, are counted from there. "": none.
	Deaths string
	// Roles are those that ought to tell their numbers; of one that does not, since it never starts,
	// theriac_role_up is 0.
	Roles []string
	// Ready says why the service is not ready, nil if it is. Nil: it is.
	Ready func() error
	// Serving, if not nil, is called once with the URL of the pages.
	Serving func(url string)
}

// Serve is the metrics role: it takes the numbers of all other processes and serves them until ctx
// ends.
func Serve(ctx context.Context, cfg ServeConfig) (err error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("directory of the metrics role: %w", err)
	}
	var listen net.ListenConfig
	pages, err := listen.Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("serve metrics on %s: %w: choose another with OTEL_EXPORTER_PROMETHEUS_PORT", cfg.Listen, err)
	}
	intake, err := metrics.ListenSocket(ctx, metrics.SocketIn(cfg.Dir))
	if err != nil {
		return errors.Join(err, pages.Close())
	}
	own, err := Start(ctx, cfg.Config)
	if err != nil {
		return errors.Join(err, pages.Close(), intake.Close())
	}
	defer func() { err = errors.Join(err, own.Close(ctx)) }()
	server := metrics.NewServer(metrics.ServerConfig{
		StateFile: metrics.StateIn(cfg.Dir), Own: own.cfg.Incarnation, Roles: cfg.Roles, Ready: cfg.Ready, Logger: cfg.Logger,
		Last: func() { _ = own.Close(ctx) }, // what it counted itself
		Death: func(ctx context.Context, d telemetry.Death) {
			own.Metrics.Death(ctx, d)
			_ = own.flush(ctx) // it is told again in a second
		},
	})
	if cfg.Serving != nil {
		cfg.Serving("http://" + pages.Addr().String() + "/metrics")
	}
	return runner.Run(ctx,
		func(ctx context.Context) error { return server.Serve(ctx, pages, intake) },
		own.Run,
		func(ctx context.Context) error { return (&mourner{server, cfg.Deaths, cfg.Logger, nil}).run(ctx) })
}

const (
	// mournEvery is how often crash records are looked for. One is counted when nobody took it in
	// for mournAfter: a worker that starts does so at once, and knows more.
	mournEvery = time.Second
	mournAfter = 5 * time.Second
)

// mourner counts deaths of which no process tells.
type mourner struct {
	server *metrics.Server
	dir    string
	log    *slog.Logger
	seen   map[string]time.Time // when each record was first seen
}

func (m *mourner) run(ctx context.Context) error {
	if m.dir == "" {
		return nil
	}
	tick := time.NewTicker(mournEvery)
	defer tick.Stop()
	for {
		if err := m.look(ctx, time.Now()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			m.log.Warn("metrics: crash records cannot be read", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (m *mourner) look(ctx context.Context, now time.Time) error {
	records := crashrecord.Directory{Path: m.dir}
	list, err := records.List()
	if err != nil {
		return err
	}
	still := make(map[string]time.Time, len(list.Records))
	for _, id := range list.Records {
		first, known := m.seen[id]
		if !known {
			first = now
		}
		still[id] = first
		if now.Sub(first) < mournAfter || m.server.Knows(id) {
			continue
		}
		record, _, err := records.Read(id)
		if err != nil {
			continue // gone by now, or damaged: its worker tells of that
		}
		d := telemetry.DeathOf(ward.Report(record))
		d.Named = 0 // how long it took is not known here
		m.server.Death(ctx, d)
	}
	m.seen = still
	return nil
}
