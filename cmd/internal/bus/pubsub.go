package bus

import (
	"context"
	"sync"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/gcppubsub"
	"github.com/theriac/theriac/internal/problem"
)

// shortestLease is the least that Pub/Sub takes.
const shortestLease = 10 * time.Second

// pubsubEngine is a project of Cloud Pub/Sub, or of a test server.
type pubsubEngine struct {
	cfg    Config
	client *gcppubsub.Client

	mu         sync.Mutex
	publishers []*gcppubsub.Publisher
}

func openPubSub(ctx context.Context, cfg Config) (engine, error) {
	client, err := gcppubsub.Connect(ctx, gcppubsub.ConnectConfig{Project: cfg.Broker.Address})
	if err != nil {
		return nil, problem.Errorf(problem.Unavailable, "connect to %s: %w", cfg.Broker, err)
	}
	return &pubsubEngine{cfg: cfg, client: client}, nil
}

func (p *pubsubEngine) setup(ctx context.Context, topic string, subscriptions []string) error {
	for _, sub := range append([]string{""}, subscriptions...) {
		if sub != "" {
			sub = p.cfg.Prefix + sub
		}
		err := gcppubsub.Setup(ctx, p.client, gcppubsub.SetupConfig{Topic: p.cfg.Prefix + topic, Subscription: sub})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *pubsubEngine) source(_, subscription string) (consumer.Source, error) {
	return gcppubsub.NewSource(p.client, gcppubsub.Config{
		Subscription: p.cfg.Prefix + subscription, Lease: max(p.cfg.Lease, shortestLease),
		// A service of many small subscriptions needs no four streams for each.
		Streams: 1,
	})
}

func (p *pubsubEngine) publisher(_ context.Context, topic string) (publisher, error) {
	made, err := gcppubsub.NewPublisher(p.client, gcppubsub.PublisherConfig{Topic: p.cfg.Prefix + topic})
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.publishers = append(p.publishers, made)
	return made, nil
}

func (*pubsubEngine) system() string { return "gcp_pubsub" }

func (p *pubsubEngine) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, made := range p.publishers {
		made.Close()
	}
	_ = p.client.Close() // what was not acknowledged comes again
}
