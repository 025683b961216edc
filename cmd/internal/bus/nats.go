package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/natsjs"
	"github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/internal/problem"
)

// flushWithin is how long the last acknowledgements may take on their way out.
const flushWithin = time.Second

// natsEngine is JetStream, embedded or not.
type natsEngine struct {
	cfg  Config
	conn *nats.Conn
	js   jetstream.JetStream
}

func openNATS(ctx context.Context, cfg Config) (_ engine, err error) {
	at := natsjs.ConnectConfig{URL: cfg.Broker.Address, Name: cfg.Name}
	if cfg.Broker.Kind == config.Embedded {
		where, err := await(ctx, cfg.Broker.Address)
		if err != nil {
			return nil, err
		}
		at.URL, at.TokenFile = where.URL, where.TokenFile
	}
	n := &natsEngine{cfg: cfg}
	if n.conn, err = natsjs.Connect(at); err != nil {
		return nil, problem.Errorf(problem.Unavailable, "connect to the broker: %w", err)
	}
	if n.js, err = jetstream.New(n.conn); err != nil {
		n.conn.Close()
		return nil, fmt.Errorf("ask the broker for JetStream: %w", err)
	}
	return n, nil
}

// await waits until the embedded broker of a directory runs.
func await(ctx context.Context, dir string) (embedded.Endpoint, error) {
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for {
		at, err := embedded.Find(dir)
		if !errors.Is(err, embedded.ErrNotRunning) {
			return at, err
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return at, problem.Errorf(problem.Unavailable, "the embedded broker in %s does not run: start it with incidentd broker, or incidentd all", dir)
		}
	}
}

func (n *natsEngine) stream(topic string) string  { return n.cfg.Prefix + topic }
func (n *natsEngine) subject(topic string) string { return n.cfg.Prefix + topic }

func (n *natsEngine) setup(ctx context.Context, topic string, subscriptions []string) error {
	for _, sub := range append([]string{""}, subscriptions...) {
		err := natsjs.Setup(ctx, n.js, natsjs.SetupConfig{
			Stream: n.stream(topic), Subjects: []string{n.subject(topic)}, Consumer: sub,
			Lease: n.cfg.Lease, Replicas: n.cfg.Replicas,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *natsEngine) source(topic, subscription string) (consumer.Source, error) {
	return natsjs.NewSource(n.conn, natsjs.Config{Stream: n.stream(topic), Consumer: subscription})
}

func (n *natsEngine) publisher(ctx context.Context, topic string) (publisher, error) {
	return natsjs.NewPublisher(ctx, n.conn, natsjs.PublisherConfig{
		Stream: n.stream(topic), Subject: n.subject(topic), DedupByID: true,
	})
}

func (*natsEngine) system() string { return "nats" }

func (n *natsEngine) close() {
	_ = n.conn.FlushTimeout(flushWithin) // without the last acknowledgements messages come again
	n.conn.Close()
}
