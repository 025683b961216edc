package gcppubsub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/theriac/theriac/consumer"
)

const (
	defaultLease     = 10 * time.Second
	defaultStreams   = 4
	defaultStopGrace = 5 * time.Second
	maxLease         = 600 * time.Second
	maxStreams       = 64
)

// Config names the subscription to receive from.
type Config struct {
	// Subscription is its id in the client's project, or its full name
	// projects/{project}/subscriptions/{id}. Required.
	Subscription string

	// Lease is how long a message stays away after this process died, in whole
	// seconds. Pub/Sub takes 10 s to 600 s; test servers may take less. It is
	// extended for as long as a delivery is in hand. Default 10 s.
	Lease time.Duration

	// Streams is the number of streams that pull at once, 1 to 64. Default 4.
	Streams int

	// ExactlyOnce makes Ack and Nack wait until the broker has confirmed them.
	// The subscription must have exactly-once delivery. Default false: Ack puts
	// it on its way, and an ack that is lost means a redelivery.
	ExactlyOnce bool

	// StopGrace is how much longer than Limits.DrainTimeout the client may take
	// to end before Receive returns a [*StuckError]. Default 5 s.
	StopGrace time.Duration
}

func (c Config) withDefaults() Config {
	if c.Lease == 0 {
		c.Lease = defaultLease
	}
	if c.Streams == 0 {
		c.Streams = defaultStreams
	}
	if c.StopGrace == 0 {
		c.StopGrace = defaultStopGrace
	}
	return c
}

// Validate joins all that is wrong with the configuration.
func (c Config) Validate() error {
	c = c.withDefaults()
	var problems []error
	wrong := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("gcppubsub.Config."+format, args...))
	}
	part := strings.Split(c.Subscription, "/")
	full := len(part) == 4 && part[0] == "projects" && part[1] != "" && part[2] == "subscriptions" && part[3] != ""
	if c.Subscription == "" || (len(part) > 1 && !full) {
		wrong("Subscription is %q: want an id or projects/{project}/subscriptions/{id}", c.Subscription)
	}
	if c.Lease < time.Second || c.Lease > maxLease || c.Lease%time.Second != 0 {
		wrong("Lease is %v: want whole seconds, 1s to %v (Pub/Sub itself takes no less than 10s)", c.Lease, maxLease)
	}
	if c.Streams < 1 || c.Streams > maxStreams {
		wrong("Streams is %d: want 1 to %d", c.Streams, maxStreams)
	}
	if c.StopGrace < 0 {
		wrong("StopGrace is %v: want 0 or more", c.StopGrace)
	}
	return errors.Join(problems...)
}

// Source is a [consumer.Source] on one subscription. It is safe for concurrent
// use except that Receive is called once at a time.
type Source struct {
	client *Client
	cfg    Config
	name   string
}

var (
	_ consumer.Source = (*Source)(nil)
	_ consumer.Lessor = (*Source)(nil)
)

// NewSource returns a source that uses client, which stays its caller's: close
// it after Receive returned. Nothing is asked of the broker yet. It fails if cfg
// is not valid.
func NewSource(client *Client, cfg Config) (*Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	return &Source{client: client, cfg: cfg, name: client.fullName("subscriptions", cfg.Subscription)}, nil
}

// Lease implements [consumer.Lessor].
func (s *Source) Lease(context.Context) (time.Duration, error) { return s.cfg.Lease, nil }

// Abilities implements [consumer.Source]. Order is kept where the subscription
// has message ordering.
func (s *Source) Abilities() consumer.Abilities {
	return consumer.Abilities{Engine: "gcp_pubsub", Ordering: true, ConfirmedAck: s.cfg.ExactlyOnce}
}

// Check asks the broker whether the subscription can be received from. Errors:
// [*MissingError], [*RefusedError], one that wraps [ErrUnfit], or trouble that
// can pass. It returns nil where it may not look: the role that lets a program
// receive does not let it ask.
func (s *Source) Check(ctx context.Context) error {
	sub, err := s.client.api.SubscriptionAdminClient.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: s.name})
	switch {
	case s.client.closed.Load():
		return ErrClosed
	case status.Code(err) == codes.PermissionDenied:
		return nil
	case err != nil:
		return explain("subscription", s.name, err)
	}
	return s.checkFit(sub)
}

func (s *Source) checkFit(sub *pubsubpb.Subscription) error {
	switch {
	case sub.PushConfig.GetPushEndpoint() != "" || sub.BigqueryConfig != nil || sub.CloudStorageConfig != nil:
		return fmt.Errorf("subscription %s is %w: it is a push or export subscription: make it a pull subscription", s.name, ErrUnfit)
	case sub.Detached:
		return fmt.Errorf("subscription %s is %w: it was detached from its topic: create it anew", s.name, ErrUnfit)
	case s.cfg.ExactlyOnce && !sub.EnableExactlyOnceDelivery:
		return fmt.Errorf("subscription %s is %w: it has no exactly-once delivery: enable it with gcloud pubsub subscriptions update %s --enable-exactly-once-delivery, or unset gcppubsub.Config.ExactlyOnce",
			s.name, ErrUnfit, s.name)
	default:
		return nil
	}
}
