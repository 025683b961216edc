package drill

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/consumer/natsjs"
	"github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/handlers"
)

const streamName = "drill"

// embeddedEngine is a JetStream broker in this process and a SQLite file, both made anew for each
// row.
type embeddedEngine struct{}

func (embeddedEngine) close() error { return nil }

func (embeddedEngine) stage(ctx context.Context, dir string, replicas int) (_ stage, err error) {
	s := &embeddedStage{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	// Processes die here, not machines.
	if s.server, err = embedded.Start(ctx, embedded.Config{Dir: filepath.Join(dir, "broker"), SyncEvery: time.Minute}); err != nil {
		return nil, err
	}
	s.closers.add(s.server.Close)
	at := s.server.Endpoint()
	if s.conn, err = natsjs.Connect(natsjs.ConnectConfig{URL: at.URL, TokenFile: at.TokenFile, Name: "theriac drill"}); err != nil {
		return nil, err
	}
	s.closers.add(func() error { s.conn.Close(); return nil })
	if s.js, err = jetstream.New(s.conn); err != nil {
		return nil, err
	}
	err = natsjs.Setup(ctx, s.js, natsjs.SetupConfig{
		Stream: streamName, Subjects: []string{streamName}, Consumer: replica.Subscription, Replicas: replicas,
	})
	if err != nil {
		return nil, err
	}
	s.publisher, err = natsjs.NewPublisher(ctx, s.conn, natsjs.PublisherConfig{Stream: streamName, Subject: streamName})
	return s, err
}

type embeddedStage struct {
	dir       string
	server    *embedded.Server
	conn      *nats.Conn
	js        jetstream.JetStream
	publisher *natsjs.Publisher
	closers   lifo
}

func (s *embeddedStage) broker() replica.Broker {
	at := s.server.Endpoint()
	return replica.Broker{URL: at.URL, TokenFile: at.TokenFile, Stream: streamName, Consumer: replica.Subscription}
}

func (s *embeddedStage) store() string { return "sqlite:" + config.StoreFile(s.dir) }

func (s *embeddedStage) publish(ctx context.Context, m handlers.Message) (string, error) {
	return s.publisher.Publish(ctx, m)
}

func (s *embeddedStage) settled(ctx context.Context) (bool, error) {
	c, err := s.js.Consumer(ctx, streamName, replica.Subscription)
	if err != nil {
		return false, err
	}
	info, err := c.Info(ctx)
	if err != nil {
		return false, err
	}
	return info.NumPending == 0 && info.NumAckPending == 0, nil
}

func (s *embeddedStage) close() error { return s.closers.close() }
