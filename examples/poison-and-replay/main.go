// Command poison-and-replay shows the life of a poison message: it panics, is
// held with its evidence, and runs again once the handler is fixed.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/natsjs"
	"github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// order is the payload; a customer may be missing, which nobody thought of.
type order struct {
	Customer *struct {
		Name string `json:"name"`
	} `json:"customer"`
}

// fixed stands for the deployment of a fix.
var fixed atomic.Bool

func confirm(_ context.Context, o order, _ handlers.Message) error {
	if fixed.Load() && o.Customer == nil {
		return nil // an order without a customer needs no confirmation
	}
	_ = o.Customer.Name
	return nil
}

func run(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "poison")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	source, publish, closeBroker, err := broker(ctx, dir)
	if err != nil {
		return err
	}
	defer closeBroker()

	// The quarantine: a store, and the service that consumers and people share.
	store, err := quarantinelite.Open(ctx, quarantinelite.Config{Path: filepath.Join(dir, "quarantine.db")})
	if err != nil {
		return err
	}
	defer store.Close()
	service, err := quarantine.New(store, quarantine.Config{
		SpoolDir: filepath.Join(dir, "spool"),
		Worker:   quarantine.Worker{Name: "example", Subscriptions: []string{"orders"}},
	})
	if err != nil {
		return err
	}

	sub := consumer.Subscription{Name: "orders", Handler: handlers.Typed(confirm), Policy: consumer.Policy{
		MaxFailures: 2, Backoff: consumer.Backoff{Initial: 10 * time.Millisecond},
	}}
	c, err := consumer.New(source, sub, consumer.Config{Quarantine: service})
	if err != nil {
		return err
	}
	working, stop := context.WithCancel(ctx)
	var workers errgroup.Group
	workers.Go(func() error { return service.Run(working) })
	workers.Go(func() error { <-service.Ready(); return c.Run(working) })

	err = publish(ctx, `{"customer":null}`)
	if err == nil {
		err = decide(ctx, service, out)
	}
	stop()
	return errors.Join(err, workers.Wait())
}

// decide is what a person does: look, fix, replay.
func decide(ctx context.Context, service *quarantine.Service, out io.Writer) error {
	e, err := firstHeld(ctx, service)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s   %s after %d failures: %s\n", e.State, e.Reason, e.Totals.Failures, e.Title)

	fixed.Store(true)
	me := quarantine.Decision{Actor: quarantine.Actor{Name: "reader", Via: "example"}, Reason: "customer may be missing"}
	if e, err = service.EntryReplay(ctx, e, quarantine.ReplayParams{Decision: me}); err != nil {
		return err
	}
	if e, err = service.EntryReplayWait(ctx, e, 50*time.Millisecond); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s   after %d replay\n", e.State, e.Replays)
	return nil
}

func firstHeld(ctx context.Context, service *quarantine.Service) (quarantine.Entry, error) {
	for {
		page, err := service.EntryList(ctx, quarantine.Query{})
		if err != nil || len(page.Entries) > 0 {
			return append(page.Entries, quarantine.Entry{})[0], err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// broker starts an embedded one with a stream and a consumer, as in hello.
func broker(ctx context.Context, dir string) (consumer.Source, func(context.Context, string) error, func(), error) {
	server, err := embedded.Start(ctx, embedded.Config{Dir: dir})
	if err != nil {
		return nil, nil, nil, err
	}
	conn, err := natsjs.Connect(natsjs.ConnectConfig{URL: server.URL(), TokenFile: server.Endpoint().TokenFile})
	if err != nil {
		return nil, nil, nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, nil, nil, err
	}
	setup := natsjs.SetupConfig{Stream: "ORDERS", Subjects: []string{"orders"}, Consumer: "confirm"}
	if err := natsjs.Setup(ctx, js, setup); err != nil {
		return nil, nil, nil, err
	}
	source, err := natsjs.NewSource(conn, natsjs.Config{Stream: "ORDERS", Consumer: "confirm"})
	if err != nil {
		return nil, nil, nil, err
	}
	publisher, err := natsjs.NewPublisher(ctx, conn, natsjs.PublisherConfig{Stream: "ORDERS", Subject: "orders"})
	if err != nil {
		return nil, nil, nil, err
	}
	publish := func(ctx context.Context, payload string) error {
		_, err := publisher.Publish(ctx, handlers.Message{Data: []byte(payload)})
		return err
	}
	return source, publish, func() { conn.Close(); _ = server.Close() }, nil
}
