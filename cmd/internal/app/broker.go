package app

import (
	"context"
	"errors"
	"fmt"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/api/iterator"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/consumer/natsjs"
	"github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/internal/problem"
)

// PingBroker asks a broker something small and returns nil if it answers. Its errors are of kind
// Unavailable.
func PingBroker(ctx context.Context, e config.Endpoint) error {
	var err error
	switch e.Kind {
	case config.PubSub:
		err = pingPubSub(ctx, e.Address)
	case config.NATS:
		err = pingNATS(ctx, natsjs.ConnectConfig{URL: e.Address})
	case config.Embedded:
		err = pingEmbedded(ctx, e.Address)
	default:
		return problem.Errorf(problem.Invalid, "%s is no broker", e)
	}
	if err != nil {
		return &problem.Error{Kind: problem.Unavailable, Err: err}
	}
	return nil
}

func pingEmbedded(ctx context.Context, dir string) error {
	at, err := embedded.Find(dir)
	if err != nil {
		return err
	}
	return pingNATS(ctx, natsjs.ConnectConfig{URL: at.URL, TokenFile: at.TokenFile})
}

func pingNATS(ctx context.Context, cfg natsjs.ConnectConfig) error {
	conn, err := natsjs.Connect(cfg)
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return fmt.Errorf("ask the broker for JetStream: %w", err)
	}
	if _, err := js.AccountInfo(ctx); err != nil {
		return fmt.Errorf("the broker answers, but JetStream does not: %w; start it with JetStream enabled", err)
	}
	return nil
}

func pingPubSub(ctx context.Context, project string) (err error) {
	client, err := pubsub.NewClient(ctx, project)
	if err != nil {
		return fmt.Errorf("open Pub/Sub in project %s: %w", project, err)
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	list := client.SubscriptionAdminClient.ListSubscriptions(ctx, &pubsubpb.ListSubscriptionsRequest{Project: "projects/" + project, PageSize: 1})
	if _, err := list.Next(); err != nil && !errors.Is(err, iterator.Done) {
		return fmt.Errorf("list the subscriptions of project %s: %w", project, err)
	}
	return nil
}
