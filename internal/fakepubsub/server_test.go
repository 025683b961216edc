package fakepubsub_test

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/theriac/theriac/internal/fakepubsub"
)

func TestReceive_EveryMessageOnceWithItsFields(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	topic, name := create(t, c, "plain", &pubsubpb.Subscription{})
	const n = 2000
	pub := c.Publisher(topic)
	before := time.Now()
	for i := range n {
		pub.Publish(t.Context(), &pubsub.Message{Data: []byte(strconv.Itoa(i)), Attributes: map[string]string{"nul": "a\x00b"}})
	}
	pub.Stop()
	var mu sync.Mutex
	seen := map[string]string{}
	sub := c.Subscriber(name)
	sub.ReceiveSettings.NumGoroutines = 4
	gather(t, sub, func(m *pubsub.Message) bool {
		m.Ack()
		mu.Lock()
		defer mu.Unlock()
		if m.Attributes["nul"] != "a\x00b" || m.PublishTime.Before(before) || m.DeliveryAttempt != nil {
			t.Errorf("message arrived changed: %+v", m)
		}
		seen[m.ID] = string(m.Data)
		return len(seen) == n
	})
	if got := len(slices.Compact(slices.Sorted(maps.Values(seen)))); got != n {
		t.Errorf("%d different messages, want %d", got, n)
	}
	eventually(t, func() bool { return stats(t, srv, name).Streams == 0 })
	want := fakepubsub.Stats{Published: n, Delivered: n, Acked: n}
	if diff := cmp.Diff(want, stats(t, srv, name)); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func TestPublisherClient_LargestMessagePassesAndLargerIsRefused(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	topic, name := create(t, c, "large", &pubsubpb.Subscription{})
	send := func(n int) error {
		_, err := c.TopicAdminClient.Publish(t.Context(), &pubsubpb.PublishRequest{
			Topic: topic, Messages: []*pubsubpb.PubsubMessage{{Data: make([]byte, n)}},
		})
		return err
	}
	if err := send(10_000_001); err == nil {
		t.Error("10,000,001 bytes were accepted")
	}
	if err := send(10_000_000); err != nil {
		t.Fatalf("10,000,000 bytes were refused: %v", err)
	}
	gather(t, c.Subscriber(name), func(m *pubsub.Message) bool {
		m.Ack()
		return len(m.Data) == 10_000_000
	})
}

func TestLease_EndsAtItsTimeAndModackMovesIt(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	topic, name := create(t, c, "lease", &pubsubpb.Subscription{AckDeadlineSeconds: 1})
	for _, tc := range []struct {
		name   string
		modack int32
		want   time.Duration
	}{{"unchanged", -1, time.Second}, {"extended", 3, 3 * time.Second}, {"shortened after extension", 1, time.Second}} {
		publish(t, c, topic, 1, "")
		first := pullOne(t, c, name)
		if tc.modack == 1 {
			modack(t, c, name, 60, first)
		}
		began := time.Now()
		if tc.modack > 0 {
			modack(t, c, name, tc.modack, first)
		}
		second := pullOne(t, c, name)
		if took := time.Since(began); took < tc.want-50*time.Millisecond || took > tc.want+late {
			t.Errorf("%s: came back after %v, want %v", tc.name, took, tc.want)
		}
		ack(t, c, name, first) // too late: names a delivery that ended
		if got := stats(t, srv, name); got.Unacked != 1 {
			t.Errorf("%s: an expired ack id acknowledged the message", tc.name)
		}
		ack(t, c, name, second)
	}
	if got := stats(t, srv, name); got.Expired != 3 || got.Unacked != 0 || got.Outstanding != 0 {
		t.Errorf("stats %+v, want 3 expired and nothing left", got)
	}
}

func TestDeadClient_StreamGoesAtOnceLeasesByTime(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	topic, name := create(t, c, "killed", &pubsubpb.Subscription{})
	first := publish(t, c, topic, 1, "")[0]
	cmd, got := child(t, roleClient, srv.Addr(), name)
	if got != first {
		t.Fatalf("the child took %q, want %q", got, first)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return stats(t, srv, name).Streams == 0 })
	publish(t, c, topic, 50, "")
	var mu sync.Mutex
	seen := map[string]bool{}
	gather(t, c.Subscriber(name), func(m *pubsub.Message) bool {
		m.Ack()
		mu.Lock()
		defer mu.Unlock()
		seen[m.ID] = true
		return len(seen) == 51
	})
	eventually(t, func() bool { return stats(t, srv, name).Streams == 0 })
	// Of what was published after the death nothing went to a dead stream, and what the dead client had came
	// back when its lease ended.
	want := fakepubsub.Stats{Published: 51, Delivered: 52, Acked: 51, Expired: 1}
	if diff := cmp.Diff(want, stats(t, srv, name)); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func TestNack_CountsDeliveriesOnlyWithDeadLetterPolicy(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	dead, deadSub := create(t, c, "nacked-dead", &pubsubpb.Subscription{})
	topic, plain := create(t, c, "nacked", &pubsubpb.Subscription{})
	counted := project + "/subscriptions/nacked-counted"
	_, err := c.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name: counted, Topic: topic,
		DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{DeadLetterTopic: dead, MaxDeliveryAttempts: 5},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := publish(t, c, topic, 1, "")[0]
	for i := range 5 {
		if got := pullOne(t, c, counted); got.DeliveryAttempt != int32(i+1) {
			t.Errorf("delivery %d says %d", i+1, got.DeliveryAttempt)
		} else {
			modack(t, c, counted, 0, got)
		}
		if got := pullOne(t, c, plain); got.DeliveryAttempt != 0 {
			t.Errorf("a subscription without the policy counts: %d", got.DeliveryAttempt)
		} else {
			modack(t, c, plain, 0, got)
		}
	}
	nothing(t, c, counted)
	got := pullOne(t, c, deadSub)
	ack(t, c, deadSub, got)
	nothing(t, c, deadSub)
	attrs := maps.Clone(got.Message.Attributes)
	if _, err := time.Parse(time.RFC3339, attrs["CloudPubSubDeadLetterSourceTopicPublishTime"]); err != nil {
		t.Error(err)
	}
	delete(attrs, "CloudPubSubDeadLetterSourceTopicPublishTime")
	want := map[string]string{
		"CloudPubSubDeadLetterSourceDeliveryCount":       "5",
		"CloudPubSubDeadLetterSourceSubscription":        "nacked-counted",
		"CloudPubSubDeadLetterSourceSubscriptionProject": "test",
	}
	if diff := cmp.Diff(want, attrs); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if got.Message.MessageId == id {
		t.Error("the dead letter kept the id of its source")
	}
}

func TestRetryPolicy_DelaysNacked(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	topic, name := create(t, c, "backoff", &pubsubpb.Subscription{RetryPolicy: &pubsubpb.RetryPolicy{
		MinimumBackoff: durationpb.New(300 * time.Millisecond), MaximumBackoff: durationpb.New(time.Second),
	}})
	publish(t, c, topic, 1, "")
	m := pullOne(t, c, name)
	for _, low := range []time.Duration{300 * time.Millisecond, 600 * time.Millisecond, 750 * time.Millisecond} {
		began := time.Now()
		modack(t, c, name, 0, m)
		m = pullOne(t, c, name)
		if took := time.Since(began); took < low || took > low+late {
			t.Errorf("came back after %v, want %v at least", took, low)
		}
	}
}

func TestPause_HoldsDeliveriesUntilResume(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	topic, name := create(t, c, "pause", &pubsubpb.Subscription{})
	srv.Pause()
	publish(t, c, topic, 3, "")
	nothing(t, c, name)
	got := make(chan string, 3)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = c.Subscriber(name).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
			m.Ack()
			got <- m.ID
		})
	})
	srv.Resume()
	for range 3 {
		<-got
	}
	cancel()
	wg.Wait()
}

func TestDisconnect_KeepsMessagesAndLeases(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	topic, name := create(t, c, "outage", &pubsubpb.Subscription{AckDeadlineSeconds: 60})
	publish(t, c, topic, 2, "")
	held := pullOne(t, c, name)
	srv.Disconnect()
	if err := srv.Reconnect(); err != nil {
		t.Fatal(err)
	}
	c = dial(t, srv.Addr())
	ack(t, c, name, held, pullOne(t, c, name))
	if st := stats(t, srv, name); st.Acked != 2 || st.Unacked != 0 {
		t.Errorf("stats %+v, want both acknowledged", st)
	}
}

func TestSeek_ToSnapshotAndToTime(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	topic, name := create(t, c, "seek", &pubsubpb.Subscription{RetainAckedMessages: true})
	publish(t, c, topic, 2, "")
	ack(t, c, name, pullOne(t, c, name))
	snap := project + "/snapshots/seek"
	admin := c.SubscriptionAdminClient
	if _, err := admin.CreateSnapshot(t.Context(), &pubsubpb.CreateSnapshotRequest{Name: snap, Subscription: name}); err != nil {
		t.Fatal(err)
	}
	publish(t, c, topic, 2, "")
	ack(t, c, name, pull(t, c, name, 10)...)
	nothing(t, c, name)

	seek := func(r *pubsubpb.SeekRequest) []string {
		t.Helper()
		r.Subscription = name
		if _, err := admin.Seek(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if stats(t, srv, name).Unacked == 0 {
			return nil
		}
		return data(pull(t, c, name, 10))
	}
	if diff := cmp.Diff([]string{"1", "0", "1"}, seek(&pubsubpb.SeekRequest{Target: &pubsubpb.SeekRequest_Snapshot{Snapshot: snap}})); diff != "" {
		t.Errorf("to the snapshot (-want +got):\n%s", diff)
	}
	at := func(tm time.Time) *pubsubpb.SeekRequest {
		return &pubsubpb.SeekRequest{Target: &pubsubpb.SeekRequest_Time{Time: timestamppb.New(tm)}}
	}
	if got := seek(at(time.Now().Add(time.Minute))); got != nil {
		t.Errorf("to the future: %v, want nothing", got)
	}
	if diff := cmp.Diff([]string{"0", "1", "0", "1"}, seek(at(time.Now().Add(-time.Hour)))); diff != "" {
		t.Errorf("to the past (-want +got):\n%s", diff)
	}
}
