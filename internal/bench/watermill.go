package main

import (
	"context"
	"errors"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"github.com/theriac/theriac/internal/runner"
)

// watermilled is Watermill's router with the middleware that a service against
// poison would use: a retry around a recover, what is left goes to a queue. The
// router runs each message on a goroutine of its own, like the others.
func watermilled(ctx context.Context, o order, count func()) error {
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: 5 * time.Second}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	poison, err := middleware.PoisonQueue(unusedPublisher{}, "poison")
	if err != nil {
		return err
	}
	retry := middleware.Retry{
		MaxRetries: 5, InitialInterval: 500 * time.Millisecond, MaxInterval: 10 * time.Minute,
		Multiplier: 2, RandomizationFactor: 0.5,
	}
	router.AddMiddleware(middleware.CorrelationID, poison, retry.Middleware, middleware.Recoverer)
	sub := &watermillSubscriber{order: o, closed: make(chan struct{})}
	router.AddConsumerHandler("bench", o.Subscription, sub, func(*message.Message) error {
		count()
		return nil
	})
	return router.Run(ctx)
}

// watermillSubscriber is the thinnest subscriber on the same client that obeys
// Watermill's contract, since Watermill's own is for an older client.
type watermillSubscriber struct {
	order  order
	group  runner.Group
	closed chan struct{}
	err    error
}

// Subscribe implements message.Subscriber; the router calls it once.
func (s *watermillSubscriber) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	out := make(chan *message.Message)
	ctx, cancel := context.WithCancel(ctx)
	s.group.Go(func() {
		defer cancel()
		<-s.closed
	})
	s.group.Go(func() {
		defer close(out)
		s.err = receive(ctx, s.order, func(ctx context.Context, m *pubsub.Message) { forward(ctx, m, out) })
	})
	return out, nil
}

// forward hands one message to the router and settles it as the router says.
func forward(ctx context.Context, m *pubsub.Message, out chan<- *message.Message) {
	msg := message.NewMessage(m.ID, m.Data)
	for key, value := range m.Attributes {
		msg.Metadata.Set(key, value)
	}
	msg.SetContext(ctx)
	select {
	case out <- msg:
	case <-ctx.Done():
		m.Nack()
		return
	}
	select {
	case <-msg.Acked():
		m.Ack()
	case <-msg.Nacked():
		m.Nack()
	}
}

// Close implements message.Subscriber.
func (s *watermillSubscriber) Close() error {
	close(s.closed)
	s.group.Wait()
	return s.err
}

// unusedPublisher stands where the poison queue's publisher would: no handler
// fails here.
type unusedPublisher struct{}

// Publish implements message.Publisher.
func (unusedPublisher) Publish(string, ...*message.Message) error {
	return errors.New("a message was poisoned although no handler fails")
}

// Close implements message.Publisher.
func (unusedPublisher) Close() error { return nil }
