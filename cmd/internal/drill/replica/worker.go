package replica

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/theriac/theriac/cmd/internal/app"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/signals"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/gcppubsub"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/natsjs"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/consumer/ward"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
)

// lease is how long the broker waits for a dead process; Pub/Sub does not take less.
const lease = 10 * time.Second

// work is the worker: it receives until it is told to stop.
func (p *program) work(ctx context.Context, role guardian.Role) (err error) {
	at, err := config.ParseStore(p.spec.Store, p.dir)
	if err != nil {
		return err
	}
	store, closer, err := app.OpenStore(ctx, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	var roster consumer.Roster
	service, err := quarantine.New(store, quarantine.Config{
		SpoolDir: config.SpoolDir(p.dir), PollEvery: 250 * time.Millisecond, Logger: p.log, Running: roster.Running,
		Worker: quarantine.Worker{Name: p.name(), Build: p.spec.Build, Subscriptions: []string{Subscription}},
	})
	if err != nil {
		return err
	}
	watch, err := p.watch(ctx, role)
	if err != nil {
		return err
	}
	defer watch.close()
	numbers, err := p.signals(ctx, role, telemetry.MetricsConfig{
		System: p.spec.Broker.system(), Consumers: roster.Stats, Process: signals.ProcessOf(service, watch.events),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, numbers.Close(ctx)) }()
	wards, err := ward.Open(role, ward.Config{Docket: service, Logger: p.log, OnCrash: func(ctx context.Context, c handlers.Crash) error {
		return errors.Join(watch.crash(ctx, c), numbers.OnCrash(ctx, c))
	}, OnEnded: watch.ended})
	if err != nil {
		return err
	}
	source, hangUp, err := p.source(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hangUp()) }()
	c, err := consumer.New(source, p.subscription(RoleWorker, watch.tracer), consumer.Config{
		MaxRunning: p.spec.Slots, Guard: wards, Quarantine: service, Roster: &roster, DrainTimeout: time.Second, Observer: numbers.Observer(watch.observer),
		Worker: p.name(), Build: p.spec.Build, Logger: p.log,
	})
	if err != nil {
		return err
	}
	return p.receive(ctx, role, service, wards, c)
}

// receive runs the three side by side. Service and wards outlive the consumer, which gives them what
// it still holds.
func (p *program) receive(ctx context.Context, role guardian.Role, service *quarantine.Service, wards *ward.Ward, c *consumer.Consumer) error {
	aside, stopAside := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAside()
	work, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	var beside runner.Group
	beside.Go(func() {
		ended <- runner.Run(aside, service.Run, wards.Run)
		stop() // without them there is nothing to give poison to
	})
	select {
	case <-service.Ready():
	case <-work.Done():
	}
	err := work.Err()
	if err == nil {
		role.Ready()
		if err = p.line.Hello(work, Hello{Role: RoleWorker, Incarnation: role.Incarnation}); err == nil {
			err = c.Run(work)
		}
	}
	stopAside()
	beside.Wait()
	return errors.Join(err, <-ended)
}

// source connects to the broker. What it returns beside the source hangs up.
func (p *program) source(ctx context.Context) (consumer.Source, func() error, error) {
	b := p.spec.Broker
	if b.Project != "" {
		client, err := gcppubsub.Connect(ctx, gcppubsub.ConnectConfig{Project: b.Project, Plaintext: b.Plaintext})
		if err != nil {
			return nil, nil, err
		}
		source, err := gcppubsub.NewSource(client, gcppubsub.Config{Subscription: b.Subscription, Lease: lease})
		return source, client.Close, err
	}
	conn, err := natsjs.Connect(natsjs.ConnectConfig{URL: b.URL, TokenFile: b.TokenFile, Name: p.name()})
	if err != nil {
		return nil, nil, err
	}
	source, err := natsjs.NewSource(conn, natsjs.Config{Stream: b.Stream, Consumer: b.Consumer})
	hangUp := func() error {
		_ = conn.FlushTimeout(time.Second) // the last acks; without them messages come again
		conn.Close()
		return nil
	}
	return source, hangUp, err
}

// ward serves in a ward: the handler, and nothing else.
func (p *program) ward(ctx context.Context, role guardian.Role) error {
	watch, err := p.watch(ctx, role)
	if err != nil {
		return err
	}
	defer watch.close()
	return ward.Serve(ctx, role, ward.ServeConfig{Observer: watch.observer, Worker: p.name(), Build: p.spec.Build}, p.subscription(RoleWard, watch.tracer))
}

// web answers every request until it is told to stop.
func (p *program) web(ctx context.Context, role guardian.Role) error {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("web: %w", err)
	}
	server := &http.Server{
		ReadHeaderTimeout: 5 * time.Second,
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("served\n")) }),
	}
	return runner.Run(ctx,
		func(context.Context) error {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
		func(ctx context.Context) error {
			role.Ready()
			if err := p.line.Hello(ctx, Hello{Role: RoleWeb, Incarnation: role.Incarnation, Address: l.Addr().String()}); err != nil {
				return errors.Join(err, server.Close())
			}
			<-ctx.Done()
			return server.Close()
		})
}
