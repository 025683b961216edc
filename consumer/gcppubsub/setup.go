package gcppubsub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	defaultMinBackoff = 100 * time.Millisecond
	defaultMaxBackoff = 10 * time.Second
)

// SetupConfig describes a topic and one subscription to it. Topic is required.
type SetupConfig struct {
	// Topic is its id in the client's project, or its full name.
	Topic string

	// Subscription is its id in the client's project, or its full name. Default
	// "": the topic only.
	Subscription string

	// AckDeadline is the lease of receivers that do not choose one, in whole
	// seconds; a [Source] always chooses. Default 10 s.
	AckDeadline time.Duration

	// MinBackoff and MaxBackoff are the retry policy: how long a message stays
	// away that was handed back or whose lease ended. Defaults 100 ms and 10 s.
	MinBackoff, MaxBackoff time.Duration

	// Ordered asks for order within ordering keys. Default false.
	Ordered bool

	// ExactlyOnce asks for exactly-once delivery. Default false.
	ExactlyOnce bool

	// Filter admits only messages that match it. Default: all.
	Filter string
}

func (c SetupConfig) withDefaults() SetupConfig {
	if c.AckDeadline == 0 {
		c.AckDeadline = defaultLease
	}
	if c.MinBackoff == 0 {
		c.MinBackoff = defaultMinBackoff
	}
	if c.MaxBackoff == 0 {
		c.MaxBackoff = max(defaultMaxBackoff, c.MinBackoff)
	}
	return c
}

// Setup creates the topic and the subscription, or checks that those which
// exist fit. It is idempotent and may run in several processes at once. Errors
// about what exists and does not fit wrap [ErrUnfit] and change nothing. A
// subscription receives what is published after it was created.
func Setup(ctx context.Context, client *Client, cfg SetupConfig) error {
	cfg = cfg.withDefaults()
	if cfg.Topic == "" {
		return errors.New("Pub/Sub setup: Topic is empty: name it")
	}
	topic := client.fullName("topics", cfg.Topic)
	_, err := client.api.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: topic})
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return fmt.Errorf("set up: %w", explain("topic", topic, err))
	}
	if cfg.Subscription == "" {
		return nil
	}
	return setupSubscription(ctx, client, cfg, topic)
}

func setupSubscription(ctx context.Context, client *Client, cfg SetupConfig, topic string) error {
	want := &pubsubpb.Subscription{
		Name:                      client.fullName("subscriptions", cfg.Subscription),
		Topic:                     topic,
		AckDeadlineSeconds:        int32(cfg.AckDeadline / time.Second),
		EnableMessageOrdering:     cfg.Ordered,
		EnableExactlyOnceDelivery: cfg.ExactlyOnce,
		Filter:                    cfg.Filter,
		RetryPolicy: &pubsubpb.RetryPolicy{
			MinimumBackoff: durationpb.New(cfg.MinBackoff),
			MaximumBackoff: durationpb.New(cfg.MaxBackoff),
		},
	}
	admin := client.api.SubscriptionAdminClient
	_, err := admin.CreateSubscription(ctx, want)
	if status.Code(err) != codes.AlreadyExists {
		if err != nil {
			return fmt.Errorf("set up: %w", explain("subscription", want.Name, err))
		}
		return nil
	}
	have, err := admin.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: want.Name})
	if err != nil {
		return fmt.Errorf("set up: %w", explain("subscription", want.Name, err))
	}
	return compare(have, want)
}

// compare looks for differences that change what is received.
func compare(have, want *pubsubpb.Subscription) error {
	var problems []error
	differs := func(what string, has, asked any) {
		problems = append(problems, fmt.Errorf("subscription %s is %w: its %s is %v, %v was asked for: create another one or ask for what it has",
			have.Name, ErrUnfit, what, has, asked))
	}
	if have.Topic != want.Topic {
		differs("topic", have.Topic, want.Topic)
	}
	if have.EnableMessageOrdering != want.EnableMessageOrdering {
		differs("message ordering", have.EnableMessageOrdering, want.EnableMessageOrdering)
	}
	if have.EnableExactlyOnceDelivery != want.EnableExactlyOnceDelivery {
		differs("exactly-once delivery", have.EnableExactlyOnceDelivery, want.EnableExactlyOnceDelivery)
	}
	if have.Filter != want.Filter {
		differs("filter", fmt.Sprintf("%q", have.Filter), fmt.Sprintf("%q", want.Filter))
	}
	return errors.Join(problems...)
}
