package natsjs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	defaultLease       = 10 * time.Second
	defaultOutstanding = 10_000
)

// SetupConfig describes a stream and one consumer of it. Stream and Subjects
// are required.
type SetupConfig struct {
	// Stream is the name of the stream.
	Stream string

	// Subjects are what the stream listens to.
	Subjects []string

	// Consumer is the name of the durable consumer. Default "": the stream only.
	Consumer string

	// Filter are the subjects that the consumer receives. Default: all.
	Filter []string

	// Lease is how long the broker waits for a sign of life about a message
	// before it delivers it again (AckWait). Default 10 s.
	Lease time.Duration

	// Outstanding is consumer.Limits.MaxOutstanding of one replica. Default
	// 10000.
	Outstanding int

	// Replicas is the number of processes that receive from the consumer at
	// once; together they may hold Outstanding × Replicas messages
	// (MaxAckPending). Default 1.
	Replicas int

	// StreamReplicas is the number of servers that store each message. Default 1.
	StreamReplicas int
}

func (c SetupConfig) withDefaults() SetupConfig {
	if c.Lease == 0 {
		c.Lease = defaultLease
	}
	if c.Outstanding == 0 {
		c.Outstanding = defaultOutstanding
	}
	if c.Replicas == 0 {
		c.Replicas = 1
	}
	if c.StreamReplicas == 0 {
		c.StreamReplicas = 1
	}
	return c
}

// Setup creates the stream and the consumer, or checks that those which exist
// fit; a consumer that allows too few outstanding messages is allowed more.
// It is idempotent and may run in several processes at once. Errors about what
// exists and does not fit wrap [ErrUnfit] and change nothing.
//
// The stream keeps a message until each of its consumers has acknowledged it,
// on disk and without a limit of age; with no consumer it keeps nothing. So set
// up the consumers before the first message is published.
func Setup(ctx context.Context, js jetstream.JetStream, cfg SetupConfig) error {
	cfg = cfg.withDefaults()
	if cfg.Stream == "" || len(cfg.Subjects) == 0 {
		return fmt.Errorf("JetStream setup: Stream is %q and Subjects are %q: name both", cfg.Stream, cfg.Subjects)
	}
	stream, err := ensureStream(ctx, js, cfg)
	if err != nil || cfg.Consumer == "" {
		return err
	}
	return ensureConsumer(ctx, stream, cfg)
}

func ensureStream(ctx context.Context, js jetstream.JetStream, cfg SetupConfig) (jetstream.Stream, error) {
	stream, err := js.Stream(ctx, cfg.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, jetstream.StreamConfig{
			Name:      cfg.Stream,
			Subjects:  cfg.Subjects,
			Retention: jetstream.InterestPolicy,
			Storage:   jetstream.FileStorage,
			Replicas:  cfg.StreamReplicas,
		})
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was first
			stream, err = js.Stream(ctx, cfg.Stream)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("set up JetStream stream %q: %w", cfg.Stream, closedOr(err))
	}
	return stream, checkStream(stream.CachedInfo().Config, cfg)
}

// checkStream looks for what would lose messages.
func checkStream(have jetstream.StreamConfig, want SetupConfig) error {
	var problems []error
	unfit := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("JetStream stream %q is %w: it "+format, append([]any{have.Name, ErrUnfit}, args...)...))
	}
	for _, subject := range want.Subjects {
		if !slices.Contains(have.Subjects, subject) {
			unfit("listens to %q: add %q", have.Subjects, subject)
		}
	}
	if have.Storage != jetstream.FileStorage {
		unfit("keeps messages in memory: make it with file storage")
	}
	if have.Discard != jetstream.DiscardNew && (have.MaxMsgs > 0 || have.MaxBytes > 0 || have.MaxMsgsPerSubject > 0) {
		unfit("drops old messages at its limit: set discard to new, so that publishers are refused instead")
	}
	return errors.Join(problems...)
}

func ensureConsumer(ctx context.Context, stream jetstream.Stream, cfg SetupConfig) error {
	fail := func(err error) error {
		return fmt.Errorf("set up JetStream consumer %q of stream %q: %w", cfg.Consumer, cfg.Stream, closedOr(err))
	}
	pending := cfg.Outstanding * cfg.Replicas
	cons, err := stream.Consumer(ctx, cfg.Consumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		cons, err = stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
			Durable:        cfg.Consumer,
			FilterSubjects: cfg.Filter,
			AckPolicy:      jetstream.AckExplicitPolicy,
			AckWait:        cfg.Lease,
			MaxDeliver:     -1,
			MaxAckPending:  pending,
		})
		if errors.Is(err, jetstream.ErrConsumerExists) { // another process was first
			cons, err = stream.Consumer(ctx, cfg.Consumer)
		}
	}
	if err != nil {
		return fail(err)
	}
	have := cons.CachedInfo().Config
	if err := checkConsumer(cfg.Stream, have); err != nil {
		return err
	}
	if have.MaxAckPending < 0 || have.MaxAckPending >= pending {
		return nil
	}
	have.MaxAckPending = pending
	if _, err := stream.UpdateConsumer(ctx, have); err != nil {
		return fail(err)
	}
	return nil
}
