package fakepubsub_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/theriac/theriac/internal/fakepubsub"
)

// playClient takes messages with leases of 2 s, says so, and hangs on to them.
func playClient(addr, sub string) {
	ctx := context.Background()
	c, err := connect(ctx, addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s := c.Subscriber(sub)
	s.ReceiveSettings.MaxDurationPerAckExtension = 2 * time.Second
	s.ReceiveSettings.MinDurationPerAckExtension = 2 * time.Second
	_ = s.Receive(ctx, func(ctx context.Context, m *pubsub.Message) {
		fmt.Println(m.ID)
		<-ctx.Done()
	})
}

// publish sends n messages whose data are their numbers and returns their ids.
func publish(t testing.TB, c *pubsub.Client, topic string, n int, key string) []string {
	t.Helper()
	r := &pubsubpb.PublishRequest{Topic: topic}
	for i := range n {
		r.Messages = append(r.Messages, &pubsubpb.PubsubMessage{Data: []byte(strconv.Itoa(i)), OrderingKey: key})
	}
	out, err := c.TopicAdminClient.Publish(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return out.MessageIds
}

// pull takes up to n messages; it waits for the first one.
func pull(t testing.TB, c *pubsub.Client, sub string, n int) []*pubsubpb.ReceivedMessage {
	t.Helper()
	out, err := c.SubscriptionAdminClient.Pull(t.Context(), &pubsubpb.PullRequest{Subscription: sub, MaxMessages: int32(n)})
	if err != nil {
		t.Fatal(err)
	}
	return out.ReceivedMessages
}

func pullOne(t testing.TB, c *pubsub.Client, sub string) *pubsubpb.ReceivedMessage {
	t.Helper()
	got := pull(t, c, sub, 1)
	if len(got) != 1 {
		t.Fatalf("pulled %d messages, want 1", len(got))
	}
	return got[0]
}

// nothing fails the test if a message is ready now.
func nothing(t testing.TB, c *pubsub.Client, sub string) {
	t.Helper()
	out, err := c.SubscriptionAdminClient.Pull(t.Context(), &pubsubpb.PullRequest{Subscription: sub, MaxMessages: 1, ReturnImmediately: true}) //nolint:staticcheck // deprecated for real brokers; here it is the question
	if err != nil {
		t.Fatal(err)
	}
	if len(out.ReceivedMessages) > 0 {
		t.Fatalf("message %s is ready, want none", out.ReceivedMessages[0].Message.MessageId)
	}
}

func ack(t testing.TB, c *pubsub.Client, sub string, ms ...*pubsubpb.ReceivedMessage) {
	t.Helper()
	if err := c.SubscriptionAdminClient.Acknowledge(t.Context(), &pubsubpb.AcknowledgeRequest{Subscription: sub, AckIds: ackIDs(ms)}); err != nil {
		t.Fatal(err)
	}
}

func modack(t testing.TB, c *pubsub.Client, sub string, seconds int32, ms ...*pubsubpb.ReceivedMessage) {
	t.Helper()
	r := &pubsubpb.ModifyAckDeadlineRequest{Subscription: sub, AckIds: ackIDs(ms), AckDeadlineSeconds: seconds}
	if err := c.SubscriptionAdminClient.ModifyAckDeadline(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func ackIDs(ms []*pubsubpb.ReceivedMessage) (ids []string) {
	for _, m := range ms {
		ids = append(ids, m.AckId)
	}
	return ids
}

func data(ms []*pubsubpb.ReceivedMessage) (out []string) {
	for _, m := range ms {
		out = append(out, string(m.Message.Data))
	}
	return out
}

func stats(t testing.TB, srv *fakepubsub.Server, sub string) fakepubsub.Stats {
	t.Helper()
	st, ok := srv.Stats(sub)
	if !ok {
		t.Fatalf("no subscription %s", sub)
	}
	return st
}

// late is how much later than it should something may happen on a busy machine.
const late = 20 * time.Second

// eventually waits for a state of the server that nobody announces.
func eventually(t testing.TB, ok func() bool) {
	t.Helper()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	end := time.After(late)
	for !ok() {
		select {
		case <-look.C:
		case <-end:
			t.Fatalf("the expected state did not come in %s", late)
		}
	}
}

// gather receives with the v2 client until f reports that it has enough.
func gather(t testing.TB, sub *pubsub.Subscriber, f func(*pubsub.Message) (enough bool)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	enough := false
	err := sub.Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		if f(m) {
			enough = true
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if !enough {
		t.Fatal("the messages did not arrive in 30 s")
	}
}
