package bus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/problem"
)

// Topics are the topics of a service, each with its subscriptions.
type Topics map[string][]string

// Config says which broker it is.
type Config struct {
	// Broker is where it is. Required.
	Broker config.Endpoint
	// Name is shown among the broker's connections. Required.
	Name string
	// Prefix is put before all names, so that two services can share a project. Default "theriac-".
	Prefix string
	// Replicas is how many processes receive from a subscription at once at most. Default 4.
	Replicas int
	// Lease is how long the broker waits for a process that died. Default 2 s for an embedded broker,
	// whose processes are all on its machine, else 10 s: others must know by then what a machine was
	// running that died.
	Lease time.Duration
}

// engine is one of the brokers.
type engine interface {
	setup(ctx context.Context, topic string, subscriptions []string) error
	source(topic, subscription string) (consumer.Source, error)
	publisher(ctx context.Context, topic string) (publisher, error)
	// system is its name in the conventions for messaging.
	system() string
	close()
}

// publisher returns when the broker has confirmed m.
type publisher interface {
	Publish(ctx context.Context, m handlers.Message) (id string, err error)
}

// Bus is an open broker. It is safe for concurrent use.
type Bus struct {
	engine engine

	mu         sync.Mutex
	publishers map[string]publisher
}

// Open connects. For an embedded broker it waits until there is one, as long as ctx lasts.
func Open(ctx context.Context, cfg Config) (*Bus, error) {
	if cfg.Prefix == "" {
		cfg.Prefix = "theriac-"
	}
	if cfg.Replicas == 0 {
		cfg.Replicas = 4
	}
	if cfg.Lease == 0 {
		cfg.Lease = 10 * time.Second
		if cfg.Broker.Kind == config.Embedded {
			cfg.Lease = 2 * time.Second
		}
	}
	var e engine
	var err error
	switch cfg.Broker.Kind {
	case config.PubSub:
		e, err = openPubSub(ctx, cfg)
	case config.NATS, config.Embedded:
		e, err = openNATS(ctx, cfg)
	default:
		err = problem.Errorf(problem.Invalid, "%s is no broker", cfg.Broker)
	}
	if err != nil {
		return nil, err
	}
	return &Bus{engine: e, publishers: map[string]publisher{}}, nil
}

// Setup sees to it that all topics and subscriptions exist.
func (b *Bus) Setup(ctx context.Context, topics Topics) error {
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		if err := b.engine.setup(ctx, topic, topics[topic]); err != nil {
			return problem.Errorf(problem.Unavailable, "prepare the topic %s: %w", topic, err)
		}
	}
	return nil
}

// Source returns where a subscription's messages come from. Both exist (Setup).
func (b *Bus) Source(topic, subscription string) (consumer.Source, error) {
	return b.engine.source(topic, subscription)
}

// Publish returns when the broker has confirmed m. A copy with the same ID may be dropped, or may be
// delivered as well.
func (b *Bus) Publish(ctx context.Context, topic string, m handlers.Message) error {
	p, err := b.publisher(ctx, topic)
	if err != nil {
		return err
	}
	if _, err = p.Publish(ctx, m); err != nil {
		err = fmt.Errorf("publish to %s: %w", topic, err)
		if errors.Is(err, context.DeadlineExceeded) {
			b.forget(topic, p)
		}
	}
	return err
}

// System is the broker's name in the conventions for messaging.
func (b *Bus) System() string { return b.engine.system() }

// Close gives up the connection, once the last acknowledgements are out.
func (b *Bus) Close() { b.engine.close() }

// publisher returns the one of a topic, which is made when it is needed first.
func (b *Bus) publisher(ctx context.Context, topic string) (publisher, error) {
	b.mu.Lock()
	p := b.publishers[topic]
	b.mu.Unlock()
	if p != nil {
		return p, nil
	}
	made, err := b.engine.publisher(ctx, topic)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.publishers[topic]; p != nil {
		return p, nil
	}
	b.publishers[topic] = made
	return made, nil
}

// forget makes the next call look the topic up again: its stream may have been made anew.
func (b *Bus) forget(topic string, p publisher) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.publishers[topic] == p {
		delete(b.publishers, topic)
	}
}
