package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/natsjs"
	"github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
)

// broker is the broker role. Yours is elsewhere, and needs none.
func broker(ctx context.Context, role guardian.Role) error {
	server, err := embedded.Start(ctx, embedded.Config{Dir: filepath.Join(dir, "broker")})
	if err != nil {
		return err
	}
	role.Ready()
	return server.Run(ctx)
}

// connect waits for the broker, and sees to it that there is a stream and a durable
// consumer.
func connect(ctx context.Context) (*nats.Conn, error) {
	at, err := embedded.Find(filepath.Join(dir, "broker"))
	for errors.Is(err, embedded.ErrNotRunning) && ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
		at, err = embedded.Find(filepath.Join(dir, "broker"))
	}
	if err != nil {
		return nil, err
	}
	conn, err := natsjs.Connect(natsjs.ConnectConfig{URL: at.URL, TokenFile: at.TokenFile})
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn)
	if err == nil {
		err = natsjs.Setup(ctx, js, natsjs.SetupConfig{
			Stream: "ORDERS", Subjects: []string{"orders"}, Consumer: "confirm",
			Lease: 2 * time.Second, // until what a dead worker had pulled comes again
		})
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// sendConfirmation stands for a mail.
func sendConfirmation(number int, name string) error {
	f, err := os.OpenFile(filepath.Join(dir, "confirmed.txt"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "order %d of %s\n", number, name)
	return errors.Join(err, f.Close())
}

// demo publishes ten orders, one of them poison, asks the web server meanwhile, and
// reports when the broker has none left.
func demo(ctx context.Context, role guardian.Role, health string) error {
	conn, err := connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	publisher, err := natsjs.NewPublisher(ctx, conn, natsjs.PublisherConfig{Stream: "ORDERS", Subject: "orders"})
	if err != nil {
		return err
	}
	for number := range 10 {
		data := fmt.Sprintf(`{"number":%d,"customer":{"name":"Ada"}}`, number)
		if number == 4 {
			data = `{"number":4}`
		}
		if _, err := publisher.Publish(ctx, handlers.Message{Data: []byte(data)}); err != nil {
			return err
		}
	}
	failed, err := probe(ctx, conn, health)
	if err != nil {
		return err
	}
	fmt.Printf("web requests that failed: %d\n", failed)
	return errors.Join(report(ctx, os.Stdout), stop(role))
}

// probe asks the web server again and again until every order is settled.
func probe(ctx context.Context, conn *nats.Conn, health string) (failed int, err error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return 0, err
	}
	orders, err := js.Consumer(ctx, "ORDERS", "confirm")
	if err != nil {
		return 0, err
	}
	for {
		answer, err := http.Get(health)
		if err != nil || answer.StatusCode != http.StatusOK {
			failed++
		}
		if err == nil {
			_ = answer.Body.Close()
		}
		info, err := orders.Info(ctx)
		if err != nil || info.NumPending == 0 && info.NumAckPending == 0 {
			return failed, err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// report says what the quarantine knows, as the command theriac does.
func report(ctx context.Context, out io.Writer) error {
	store, err := quarantinelite.Open(ctx, quarantinelite.Config{Path: filepath.Join(dir, "quarantine.db")})
	if err != nil {
		return err
	}
	defer store.Close()
	service, err := quarantine.New(store, quarantine.Config{})
	if err != nil {
		return err
	}
	held, err := service.EntryList(ctx, quarantine.Query{})
	if err != nil {
		return err
	}
	for _, e := range held.Entries {
		fmt.Fprintf(out, "%s: %s after %d deaths, %s: %s\n", e.State, e.Reason, e.Totals.Crashes, e.Confidence, e.Title)
	}
	crashes, err := service.CrashList(ctx, quarantine.CrashQuery{})
	if err != nil {
		return err
	}
	died := map[bool]int{}
	for _, c := range crashes.Reports {
		died[c.Alone]++
	}
	fmt.Fprintf(out, "died: %d worker, %d ward\n", died[false], died[true])
	return nil
}

// stop tells the guardian to end, as a platform does. Without one, that is this
// process.
func stop(role guardian.Role) error {
	pid := os.Getpid()
	if role.Guarded() {
		pid = os.Getppid()
	}
	self, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return self.Signal(syscall.SIGTERM)
}
