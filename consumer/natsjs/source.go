package natsjs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/theriac/theriac/consumer"
)

// Config names the consumer to receive from.
type Config struct {
	// Stream is the name of the JetStream stream. Required.
	Stream string

	// Consumer is the name of its durable pull consumer. Required. All replicas
	// of a subscription share it.
	Consumer string

	// ConfirmAcks makes Ack wait until the broker has confirmed it. Default
	// false: Ack puts it on its way, and an ack that is lost means a redelivery.
	ConfirmAcks bool
}

// Source is a [consumer.Source] on one JetStream pull consumer. It is safe for
// concurrent use except that Receive is called once at a time.
type Source struct {
	conn *nats.Conn
	js   jetstream.JetStream
	cfg  Config
}

var (
	_ consumer.Source     = (*Source)(nil)
	_ consumer.Backlogger = (*Source)(nil)
	_ consumer.Lessor     = (*Source)(nil)
)

// NewSource returns a source that uses conn, which stays its caller's: close it
// after Receive returned. Nothing is asked of the broker yet.
func NewSource(conn *nats.Conn, cfg Config) (*Source, error) {
	if cfg.Stream == "" || cfg.Consumer == "" {
		return nil, fmt.Errorf("JetStream source: Stream is %q and Consumer is %q: name both", cfg.Stream, cfg.Consumer)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("JetStream source: %w", err)
	}
	return &Source{conn: conn, js: js, cfg: cfg}, nil
}

// Abilities implements [consumer.Source].
func (s *Source) Abilities() consumer.Abilities {
	return consumer.Abilities{Engine: "nats", ExactDelay: true, DeliveryCount: true, ConfirmedAck: s.cfg.ConfirmAcks}
}

// Receive implements [consumer.Source]. Errors: [*MissingError], [ErrClosed],
// one that wraps [ErrUnfit], or a permission that is missing.
func (s *Source) Receive(ctx context.Context, lim consumer.Limits, deliver func(*consumer.Delivery)) error {
	r := newReceiver(s, lim, deliver)
	t, err := s.lookUpPatiently(ctx, r)
	if err != nil || ctx.Err() != nil {
		return err
	}
	return r.run(ctx, t)
}

const (
	firstPause = 100 * time.Millisecond
	longPause  = 5 * time.Second
	askTimeout = 5 * time.Second
)

// target is what the broker says about our stream and consumer.
type target struct {
	created  time.Time // of the stream
	lease    time.Duration
	maxBatch int // 0: no limit
	maxBytes int // 0: no limit
}

// lookUpPatiently asks until there is an answer. It returns no error when ctx
// ended.
func (s *Source) lookUpPatiently(ctx context.Context, r *receiver) (target, error) {
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		t, err := s.lookUp(ctx)
		if err == nil || ctx.Err() != nil {
			return t, nil
		}
		if lasting(err) {
			return t, err
		}
		r.trouble(err)
		if !pass(ctx, pause) {
			return t, nil
		}
	}
}

// Backlog implements [consumer.Backlogger]: the messages that the stream holds for the
// consumer and no client has been sent yet. Errors are those of Receive.
func (s *Source) Backlog(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	cons, err := s.js.Consumer(ctx, s.cfg.Stream, s.cfg.Consumer)
	if err != nil {
		return 0, s.explain(err)
	}
	return cons.CachedInfo().NumPending, nil
}

// Lease implements [consumer.Lessor]: the consumer's AckWait. Errors are those of Receive.
func (s *Source) Lease(ctx context.Context) (time.Duration, error) {
	t, err := s.lookUp(ctx)
	return t.lease, err
}

func (s *Source) lookUp(ctx context.Context) (target, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	stream, err := s.js.Stream(ctx, s.cfg.Stream)
	if err != nil {
		return target{}, s.explain(err)
	}
	cons, err := stream.Consumer(ctx, s.cfg.Consumer)
	if err != nil {
		return target{}, s.explain(err)
	}
	cfg := cons.CachedInfo().Config
	if err := checkConsumer(s.cfg.Stream, cfg); err != nil {
		return target{}, err
	}
	t := target{
		created:  stream.CachedInfo().Created,
		lease:    cfg.AckWait,
		maxBatch: cfg.MaxRequestBatch,
		maxBytes: cfg.MaxRequestMaxBytes,
	}
	for _, step := range cfg.BackOff { // it takes the place of AckWait
		t.lease = min(t.lease, step)
	}
	return t, nil
}

// explain puts the client's errors into our words.
func (s *Source) explain(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return &MissingError{Stream: s.cfg.Stream}
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		return &MissingError{Stream: s.cfg.Stream, Consumer: s.cfg.Consumer}
	case errors.Is(err, jetstream.ErrNotPullConsumer):
		return fmt.Errorf("JetStream consumer %q of stream %q is a push consumer: %w: make a pull consumer", s.cfg.Consumer, s.cfg.Stream, ErrUnfit)
	case errors.Is(err, nats.ErrConnectionClosed):
		return fmt.Errorf("look up JetStream consumer %q: %w", s.cfg.Consumer, ErrClosed)
	case errors.Is(s.conn.LastError(), nats.ErrPermissionViolation):
		// The broker answers a forbidden request with nothing but this.
		return fmt.Errorf("look up JetStream consumer %q of stream %q: %w", s.cfg.Consumer, s.cfg.Stream, nats.ErrPermissionViolation)
	default:
		return fmt.Errorf("look up JetStream consumer %q of stream %q: %w", s.cfg.Consumer, s.cfg.Stream, err)
	}
}

// explainSilence says why nothing at all came for an open request.
func (s *Source) explainSilence() error {
	if err := s.conn.LastError(); errors.Is(err, nats.ErrPermissionViolation) {
		return fmt.Errorf("pull from JetStream consumer %q of stream %q: %w", s.cfg.Consumer, s.cfg.Stream, nats.ErrPermissionViolation)
	}
	return errStuck
}

// lasting reports whether err will not mend by itself.
func lasting(err error) bool {
	_, missing := errors.AsType[*MissingError](err)
	return missing || errors.Is(err, ErrUnfit) || errors.Is(err, ErrClosed) || errors.Is(err, nats.ErrPermissionViolation)
}

// checkConsumer refuses what would lose messages or never hand one over.
func checkConsumer(stream string, cfg jetstream.ConsumerConfig) error {
	problem := ""
	switch {
	case cfg.AckPolicy != jetstream.AckExplicitPolicy:
		problem = fmt.Sprintf("has ack policy %q, which settles messages that nobody handled: make it explicit", cfg.AckPolicy)
	case cfg.MaxDeliver > 0:
		problem = fmt.Sprintf("gives up on a message after %d deliveries, and it would be lost: set max_deliver to -1", cfg.MaxDeliver)
	case len(cfg.PriorityGroups) > 0:
		problem = "has priority groups, which this source does not speak: make it without"
	default:
		return nil
	}
	return fmt.Errorf("JetStream consumer %q of stream %q is %w: it %s", cfg.Name, stream, ErrUnfit, problem)
}

// pass reports whether d passed before ctx ended.
func pass(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
