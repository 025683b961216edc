// Command hello is the smallest whole program: an embedded broker, one
// subscription, one handler, two messages.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/natsjs"
	"github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/handlers"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "hello")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()

	// A broker, a stream and a durable consumer on it.
	broker, err := embedded.Start(ctx, embedded.Config{Dir: dir})
	if err != nil {
		return err
	}
	defer broker.Close()
	conn, err := natsjs.Connect(natsjs.ConnectConfig{URL: broker.URL(), TokenFile: broker.Endpoint().TokenFile})
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	setup := natsjs.SetupConfig{Stream: "GREETINGS", Subjects: []string{"greetings"}, Consumer: "printer"}
	if err := natsjs.Setup(ctx, js, setup); err != nil {
		return err
	}

	// The handler's error is its only answer; nil means done.
	ctx, done := context.WithCancel(ctx)
	greet := handlers.HandlerFunc(func(_ context.Context, m handlers.Message) error {
		fmt.Fprintf(out, "hello, %s\n", m.Data)
		if string(m.Data) == "world" {
			done()
		}
		return nil
	})
	source, err := natsjs.NewSource(conn, natsjs.Config{Stream: "GREETINGS", Consumer: "printer"})
	if err != nil {
		return err
	}
	sub := consumer.Subscription{Name: "greetings", Handler: greet}
	c, err := consumer.New(source, sub, consumer.Config{MaxRunning: 1, MaxOutstanding: 1})
	if err != nil {
		return err
	}

	publisher, err := natsjs.NewPublisher(ctx, conn, natsjs.PublisherConfig{Stream: "GREETINGS", Subject: "greetings"})
	if err != nil {
		return err
	}
	for _, name := range []string{"reader", "world"} {
		if _, err := publisher.Publish(ctx, handlers.Message{Data: []byte(name)}); err != nil {
			return err
		}
	}
	return c.Run(ctx) // until done is called
}
