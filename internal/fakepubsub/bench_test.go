package fakepubsub_test

import (
	"context"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/theriac/theriac/internal/fakepubsub"
)

// BenchmarkReceive delivers 1 KB messages to a raw client: 4 streams, 10,000
// outstanding, a callback that only acknowledges.
func BenchmarkReceive(b *testing.B) {
	b.Run("SameProcess", func(b *testing.B) {
		srv, err := fakepubsub.Start(fakepubsub.Config{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(srv.Close)
		receive(b, srv.Addr())
	})
	b.Run("OtherProcess", func(b *testing.B) {
		_, addr := child(b, roleServer)
		receive(b, addr)
	})
}

func receive(b *testing.B, addr string) {
	c := dial(b, addr)
	topic, name := create(b, c, "bench", &pubsubpb.Subscription{})
	fill(b, c, topic, b.N)
	sub := c.Subscriber(name)
	sub.ReceiveSettings.NumGoroutines = 4
	sub.ReceiveSettings.MaxOutstandingMessages = 10_000
	sub.ReceiveSettings.MaxDurationPerAckExtension = 10 * time.Second
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var got atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	cpu, began := processTime(b), time.Now()
	var took time.Duration
	err := sub.Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		m.Ack()
		if got.Add(1) == int64(b.N) {
			took = time.Since(began)
			cancel()
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/took.Seconds(), "msgs/s")
	b.ReportMetric(float64((processTime(b)-cpu).Microseconds())/float64(b.N), "cpu-us/msg")
}

func fill(b *testing.B, c *pubsub.Client, topic string, n int) {
	b.Helper()
	for n > 0 {
		batch := make([]*pubsubpb.PubsubMessage, min(n, 1000))
		for i := range batch {
			batch[i] = &pubsubpb.PubsubMessage{Data: make([]byte, 1024), Attributes: map[string]string{"kind": "bench"}}
		}
		if _, err := c.TopicAdminClient.Publish(b.Context(), &pubsubpb.PublishRequest{Topic: topic, Messages: batch}); err != nil {
			b.Fatal(err)
		}
		n -= len(batch)
	}
}

func processTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
