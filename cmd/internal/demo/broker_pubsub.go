package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/gcppubsub"
	"github.com/theriac/theriac/internal/problem"
)

// brokerPatience is how long the broker may take to make topics and subscriptions.
const brokerPatience = 8 * time.Second

// topicPrefix is before the names of the topics and subscriptions that the demo makes and keeps.
const topicPrefix = "theriac-demo-"

// pubsubBroker is a project of Cloud Pub/Sub, or of its emulator.
type pubsubBroker struct {
	client     *gcppubsub.Client
	publishers []*gcppubsub.Publisher
}

func openPubSub(ctx context.Context, project string) (broker, error) {
	client, err := gcppubsub.Connect(ctx, gcppubsub.ConnectConfig{Project: project})
	if err != nil {
		return nil, problem.Errorf(problem.Unavailable, "%w", err)
	}
	b := &pubsubBroker{client: client}
	ctx, cancel := context.WithTimeout(ctx, brokerPatience)
	defer cancel()
	for _, sub := range subscriptionNames() {
		err := gcppubsub.Setup(ctx, client, gcppubsub.SetupConfig{Topic: topicPrefix + sub, Subscription: topicPrefix + sub})
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no answer within %s: check PUBSUB_EMULATOR_HOST, or network and credentials, then run theriac demo again", brokerPatience)
		}
		if err != nil {
			return nil, errors.Join(problem.Errorf(problem.Unavailable, "prepare Pub/Sub project %s: %w", project, err), b.close())
		}
	}
	return b, nil
}

func (b *pubsubBroker) source(subscription string) (consumer.Source, error) {
	return gcppubsub.NewSource(b.client, gcppubsub.Config{Subscription: topicPrefix + subscription})
}

func (b *pubsubBroker) publisher(_ context.Context, subscription string) (publisher, error) {
	p, err := gcppubsub.NewPublisher(b.client, gcppubsub.PublisherConfig{Topic: topicPrefix + subscription})
	if err == nil {
		b.publishers = append(b.publishers, p)
	}
	return p, err
}

// done never happens: Google's servers do not end with us.
func (*pubsubBroker) system() string { return "gcp_pubsub" }

func (b *pubsubBroker) done() <-chan struct{} { return nil }

func (b *pubsubBroker) err() error { return nil }

func (b *pubsubBroker) close() error {
	for _, p := range b.publishers {
		p.Close()
	}
	return b.client.Close()
}
