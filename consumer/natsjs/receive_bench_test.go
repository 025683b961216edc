package natsjs_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/consumer/natsjs"
	"github.com/theriac/theriac/handlers"
)

// BenchmarkReceive compares the plain client with a Source: 1 KiB messages,
// acked by a goroutine each, at most 10000 outstanding. One op is one message.
func BenchmarkReceive(b *testing.B) {
	const outstanding = 10_000
	b.Run("PlainClient", func(b *testing.B) {
		sub := filled(b)
		cons, err := sub.js.Consumer(b.Context(), sub.name, "worker")
		if err != nil {
			b.Fatal(err)
		}
		count := newCountdown(b.N)
		var acking sync.WaitGroup
		b.ResetTimer()
		running, err := cons.Consume(func(m jetstream.Msg) {
			acking.Go(func() {
				if m.Ack() == nil {
					count.done()
				}
			})
		}, jetstream.PullMaxMessages(outstanding))
		if err != nil {
			b.Fatal(err)
		}
		<-count.zero
		b.StopTimer()
		running.Stop()
		<-running.Closed()
		acking.Wait()
	})
	b.Run("Source", func(b *testing.B) {
		sub := filled(b)
		src, err := natsjs.NewSource(sub.conn, natsjs.Config{Stream: sub.name, Consumer: "worker"})
		if err != nil {
			b.Fatal(err)
		}
		count := newCountdown(b.N)
		ctx, cancel := context.WithCancel(b.Context())
		lim := consumer.Limits{MaxOutstanding: outstanding, MaxOutstandingBytes: 1 << 30, DrainTimeout: time.Minute}
		var receiving sync.WaitGroup
		b.ResetTimer()
		receiving.Go(func() {
			if err := src.Receive(ctx, lim, func(d *consumer.Delivery) {
				if d.Settler.Ack(ctx) == nil {
					count.done()
				}
			}); err != nil {
				b.Error(err)
			}
		})
		<-count.zero
		b.StopTimer()
		cancel()
		receiving.Wait()
	})
}

// filled is a subscription in which b.N messages of 1 KiB wait.
func filled(b *testing.B) *subscription {
	b.Helper()
	sub := subscribe(b, startBroker(b, b.TempDir(), 0).Endpoint(), consumertest.SubscriptionOptions{})
	m := handlers.Message{Data: make([]byte, 1024)}
	var last *natsjs.Sent
	for range b.N {
		var err error
		if last, err = sub.publisher.Send(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := last.Wait(b.Context()); err != nil {
		b.Fatal(err)
	}
	return sub
}

// countdown closes zero after n calls of done.
type countdown struct {
	left atomic.Int64
	zero chan struct{}
}

func newCountdown(n int) *countdown {
	c := &countdown{zero: make(chan struct{})}
	c.left.Store(int64(n))
	return c
}

func (c *countdown) done() {
	if c.left.Add(-1) == 0 {
		close(c.zero)
	}
}
