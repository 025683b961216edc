package gcppubsub

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"cloud.google.com/go/pubsub/v2"

	"github.com/theriac/theriac/handlers"
)

// PublisherConfig says where to publish.
type PublisherConfig struct {
	// Topic is its id in the client's project, or its full name. Required.
	Topic string

	// Inject adds to the attributes of each message, by set; telemetry.Inject adds the
	// span that is active in ctx, for the message's consumers to link to. An attribute
	// that the message has already is kept. Default nil: nothing is added.
	Inject func(ctx context.Context, set func(name, value string))
}

// Publisher publishes messages to one topic. It is safe for concurrent use.
// Messages of one ordering key are published in the order of the calls.
type Publisher struct {
	api    *pubsub.Publisher
	name   string
	inject func(ctx context.Context, set func(name, value string))
}

// NewPublisher returns a publisher that uses client. Nothing is asked of the
// broker yet. Close it when done.
func NewPublisher(client *Client, cfg PublisherConfig) (*Publisher, error) {
	if cfg.Topic == "" {
		return nil, errors.New("Pub/Sub publisher: Topic is empty: name it")
	}
	name := client.fullName("topics", cfg.Topic)
	p := &Publisher{api: client.api.Publisher(name), name: name, inject: cfg.Inject}
	p.api.EnableMessageOrdering = true
	return p, nil
}

// Publish stores m and returns the id under which it will be delivered. Of m it
// uses Data, Attributes and OrderingKey. Errors: [*MissingError],
// [*RefusedError], or trouble that can pass; then the message may have been
// stored nevertheless.
func (p *Publisher) Publish(ctx context.Context, m handlers.Message) (id string, err error) {
	return p.Send(ctx, m).Wait(ctx)
}

// Send is Publish without the wait for the broker's answer, which the returned
// [Sent] has. Messages travel in batches.
func (p *Publisher) Send(ctx context.Context, m handlers.Message) *Sent {
	result := p.api.Publish(ctx, &pubsub.Message{Data: m.Data, Attributes: p.attributes(ctx, m.Attributes), OrderingKey: m.OrderingKey})
	return &Sent{publisher: p, key: m.OrderingKey, result: result}
}

// attributes returns the attributes of a message with what is injected. The message's
// own map is not changed.
func (p *Publisher) attributes(ctx context.Context, own map[string]string) map[string]string {
	if p.inject == nil {
		return own
	}
	all := make(map[string]string, len(own)+2)
	p.inject(ctx, func(name, value string) { all[name] = value })
	maps.Copy(all, own)
	return all
}

// Close sends what waits in a batch and ends the publisher. It must not be used
// afterwards.
func (p *Publisher) Close() { p.api.Stop() }

// Sent is a message on its way.
type Sent struct {
	publisher *Publisher
	key       string
	result    *pubsub.PublishResult
}

// Wait returns the id of the message once the broker has stored it. Errors are
// those of [Publisher.Publish]. After an error the client refuses the messages
// of that key that were sent behind it, so that order is kept; Wait lifts that
// for later ones.
func (s *Sent) Wait(ctx context.Context) (id string, err error) {
	id, err = s.result.Get(ctx)
	if err == nil {
		return id, nil
	}
	if s.key != "" {
		s.publisher.api.ResumePublish(s.key)
	}
	return "", fmt.Errorf("publish: %w", explain("topic", s.publisher.name, err))
}
