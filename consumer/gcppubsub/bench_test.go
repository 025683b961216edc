//go:build unix

package gcppubsub_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/gcppubsub"
)

// BenchmarkReceive compares a raw client with a Source: 1 KB messages, 4
// streams, 10,000 outstanding, a callback that only acknowledges, and a server
// in another process. Run it with -count and compare medians.
func BenchmarkReceive(b *testing.B) {
	addr := startServerProcess(b)
	b.Run("Raw", func(b *testing.B) { measure(b, addr, receiveRaw) })
	b.Run("Source", func(b *testing.B) { measure(b, addr, receiveSource) })
}

const outstanding = 10_000

// receiveFunc receives until the context ends and calls done for each message.
type receiveFunc func(ctx context.Context, addr, sub string, done func()) error

func receiveRaw(ctx context.Context, addr, sub string, done func()) error {
	c, err := rawClient(ctx, addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	s := c.Subscriber(sub)
	s.ReceiveSettings.NumGoroutines = 4
	s.ReceiveSettings.MaxOutstandingMessages = outstanding
	s.ReceiveSettings.MaxDurationPerAckExtension = 10 * time.Second
	return s.Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		m.Ack()
		done()
	})
}

func receiveSource(ctx context.Context, addr, sub string, done func()) error {
	c, err := gcppubsub.Connect(ctx, gcppubsub.ConnectConfig{Project: "bench", Plaintext: addr})
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	src, err := gcppubsub.NewSource(c, gcppubsub.Config{Subscription: sub})
	if err != nil {
		return err
	}
	lim := consumer.Limits{MaxOutstanding: outstanding, MaxOutstandingBytes: 1 << 30, DrainTimeout: time.Second}
	return src.Receive(ctx, lim, func(d *consumer.Delivery) {
		if d.Settler.Ack(ctx) == nil {
			done()
		}
	})
}

func measure(b *testing.B, addr string, receive receiveFunc) {
	sub := fill(b, addr, b.N)
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	defer cancel()
	var got atomic.Int64
	var took, cpu time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	began, cpuBegan := time.Now(), processTime(b)
	err := receive(ctx, addr, sub, func() {
		if got.Add(1) == int64(b.N) {
			b.StopTimer()
			took, cpu = time.Since(began), processTime(b)-cpuBegan
			cancel()
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/took.Seconds(), "msgs/s")
	b.ReportMetric(float64(cpu.Nanoseconds())/1000/float64(b.N), "cpu-us/msg")
}

// fill makes a subscription with n messages and returns its name.
func fill(b *testing.B, addr string, n int) string {
	b.Helper()
	c, err := rawClient(b.Context(), addr)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	id := fmt.Sprintf("bench-%d", time.Now().UnixNano())
	topic, sub := "projects/bench/topics/"+id, "projects/bench/subscriptions/"+id
	if _, err := c.TopicAdminClient.CreateTopic(b.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
		b.Fatal(err)
	}
	if _, err := c.SubscriptionAdminClient.CreateSubscription(b.Context(), &pubsubpb.Subscription{Name: sub, Topic: topic}); err != nil {
		b.Fatal(err)
	}
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
	return sub
}

func rawClient(ctx context.Context, addr string) (*pubsub.Client, error) {
	return pubsub.NewClient(ctx, "bench", option.WithEndpoint(addr), option.WithoutAuthentication(), option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
}

func startServerProcess(b *testing.B) string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVar+"=1")
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatalf("the server said nothing: %v", err)
	}
	return strings.TrimSpace(addr)
}

func processTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
