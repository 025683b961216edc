package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/gcppubsub"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/consumer/ward"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
)

// name is the subscription's, in the quarantine.
const name = "bench"

// theriac is a consumer with a quarantine attached, wired as a program would.
func theriac(ctx context.Context, o order, count func()) (err error) {
	client, err := gcppubsub.Connect(ctx, gcppubsub.ConnectConfig{Project: project, Plaintext: o.Broker})
	if err != nil {
		return err
	}
	defer client.Close()
	source, err := gcppubsub.NewSource(client, gcppubsub.Config{Subscription: o.Subscription, Lease: lease, Streams: o.Streams})
	if err != nil {
		return err
	}
	store, err := openStore(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	dir, err := os.MkdirTemp("", "theriac-bench-spool-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	service, err := quarantine.New(store, quarantine.Config{
		SpoolDir: filepath.Join(dir, "spool"),
		Worker:   quarantine.Worker{Name: "bench", Host: "localhost", PID: os.Getpid(), Subscriptions: []string{name}},
	})
	if err != nil {
		return err
	}
	c, err := newConsumer(source, o, service, count)
	if err != nil {
		return err
	}
	return runner.Run(ctx, service.Run, func(ctx context.Context) error {
		select {
		case <-service.Ready():
			return c.Run(ctx)
		case <-ctx.Done():
			return nil
		}
	})
}

func newConsumer(source consumer.Source, o order, service *quarantine.Service, count func()) (*consumer.Consumer, error) {
	sub := consumer.Subscription{Name: name, Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error {
		count()
		return nil
	})}
	cfg := consumer.Config{MaxOutstanding: o.Outstanding, Quarantine: service}
	if o.Stack == withTable {
		table, err := openTable(cfg.WithDefaults().MaxRunning)
		if err != nil {
			return nil, err
		}
		if cfg.Guard, err = ward.Open(guardian.Role{InFlight: table}, ward.Config{}); err != nil {
			return nil, err
		}
	}
	if o.Poison {
		sub.Handler = handlers.HandlerFunc(refuse)
		// Here everything fails, which is otherwise nobody's fault and opens it.
		sub.Policy.Breaker.Off = true
		cfg.Observer = entryCounter{count}
	}
	return consumer.New(source, sub, cfg)
}

// openTable makes the table of what is in flight and maps it, which a guardian
// and its worker do between them. It lasts as long as this process.
func openTable(slots int) (*inflight.Mapping, error) {
	table, err := inflight.Create(inflight.Config{Slots: slots, Incarnation: "bench"})
	if err != nil {
		return nil, err
	}
	return inflight.Open(table.File())
}

func refuse(_ context.Context, m handlers.Message) error {
	return handlers.Permanent(fmt.Errorf("order %s names no customer", m.ID))
}

// entryCounter counts the messages that were stored and then acknowledged.
type entryCounter struct{ count func() }

// AttemptStarted implements consumer.Observer.
func (entryCounter) AttemptStarted(ctx context.Context, _ string, _ handlers.Message) context.Context {
	return ctx
}

// AttemptSettled implements consumer.Observer.
func (c entryCounter) AttemptSettled(_ context.Context, s consumer.Settled) {
	if s.Decision.Verb == consumer.VerbQuarantine {
		c.count()
	}
}
