package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/embedded"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/natsjs"
)

const (
	streamName    = "theriac-demo"
	subjectPrefix = "theriac.demo."
	// streamLease is short, so that what a killed demo had in hand comes back soon.
	streamLease = 2 * time.Second
)

// embeddedBroker is the broker process of the data directory.
type embeddedBroker struct {
	process *embedded.Broker
	conn    *nats.Conn
}

func openEmbedded(ctx context.Context, dataDir string, environ []string) (_ broker, err error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, to run the broker: %w", err)
	}
	b := &embeddedBroker{}
	b.process, err = embedded.Start(ctx, embedded.Config{Executable: executable, Dir: config.BrokerDir(dataDir), Environ: environ})
	if err != nil {
		return nil, err
	}
	if err := b.prepare(ctx); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// prepare makes stream and consumers, all of them before the first message: the stream keeps a
// message only for the consumers that it has.
func (b *embeddedBroker) prepare(ctx context.Context) (err error) {
	at := b.process.Endpoint()
	if b.conn, err = natsjs.Connect(natsjs.ConnectConfig{URL: at.URL, TokenFile: at.TokenFile, Name: "theriac demo"}); err != nil {
		return err
	}
	js, err := jetstream.New(b.conn)
	if err != nil {
		return fmt.Errorf("ask the broker for JetStream: %w", err)
	}
	var subjects []string
	for _, sub := range subscriptionNames() {
		subjects = append(subjects, subjectPrefix+sub)
	}
	for _, sub := range subscriptionNames() {
		err := natsjs.Setup(ctx, js, natsjs.SetupConfig{
			Stream: streamName, Subjects: subjects, Consumer: sub, Filter: []string{subjectPrefix + sub}, Lease: streamLease,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func subscriptionNames() []string { return []string{subTimeline, subNotify, subFeed} }

func (b *embeddedBroker) source(subscription string) (consumer.Source, error) {
	return natsjs.NewSource(b.conn, natsjs.Config{Stream: streamName, Consumer: subscription})
}

func (b *embeddedBroker) publisher(ctx context.Context, subscription string) (publisher, error) {
	return natsjs.NewPublisher(ctx, b.conn, natsjs.PublisherConfig{
		Stream: streamName, Subject: subjectPrefix + subscription, DedupByID: true,
	})
}

func (*embeddedBroker) system() string { return "nats" }

func (b *embeddedBroker) done() <-chan struct{} { return b.process.Done() }

func (b *embeddedBroker) err() error { return b.process.Err() }

func (b *embeddedBroker) close() error {
	if b.conn != nil {
		_ = b.conn.FlushTimeout(time.Second) // the last acks; without them messages come again
		b.conn.Close()
	}
	return b.process.Close()
}
