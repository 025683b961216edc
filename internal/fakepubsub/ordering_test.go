package fakepubsub_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
)

func TestOrdering_NackBringsLaterOnesBackInOrder(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name        string
		exactlyOnce bool
		want        []string
	}{
		{"acknowledged ones too", false, []string{"1", "2", "3", "4"}},
		{"not with exactly-once", true, []string{"1", "3", "4"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, c := start(t)
			topic, name := create(t, c, "ordered", &pubsubpb.Subscription{EnableMessageOrdering: true, EnableExactlyOnceDelivery: tc.exactlyOnce})
			publish(t, c, topic, 5, "k")
			got := pull(t, c, name, 4)
			nothing(t, c, name) // the fifth is bound to the first pull
			ack(t, c, name, got[0], got[2])
			modack(t, c, name, 0, got[1])
			if diff := cmp.Diff(tc.want, data(pull(t, c, name, 10))); diff != "" {
				t.Errorf("after the nack (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOrdering_ExpiryBringsLaterOnesBackInOrder(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	topic, name := create(t, c, "ordered", &pubsubpb.Subscription{EnableMessageOrdering: true, AckDeadlineSeconds: 1})
	publish(t, c, topic, 3, "k")
	got := pull(t, c, name, 3)
	modack(t, c, name, 60, got[1:]...)
	if diff := cmp.Diff([]string{"0", "1", "2"}, data(pull(t, c, name, 3))); diff != "" {
		t.Errorf("after the expiry (-want +got):\n%s", diff)
	}
}

func TestOrdering_DeadLetterFreesItsKey(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	dead, deadSub := create(t, c, "ordered-dead", &pubsubpb.Subscription{})
	topic, name := create(t, c, "ordered", &pubsubpb.Subscription{
		EnableMessageOrdering: true,
		DeadLetterPolicy:      &pubsubpb.DeadLetterPolicy{DeadLetterTopic: dead},
	})
	publish(t, c, topic, 2, "k")
	for range 5 {
		modack(t, c, name, 0, pull(t, c, name, 2)[0])
	}
	if got := string(pullOne(t, c, name).Message.Data); got != "1" {
		t.Errorf("the key goes on with %q, want 1", got)
	}
	if got := string(pullOne(t, c, deadSub).Message.Data); got != "0" {
		t.Errorf("the dead letter is %q, want 0", got)
	}
}

func TestOrdering_ManyKeysThroughTheClient(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	topic, name := create(t, c, "keys", &pubsubpb.Subscription{EnableMessageOrdering: true})
	const keys, each = 20, 50
	for k := range keys {
		publish(t, c, topic, each, strconv.Itoa(k))
	}
	type arrival struct{ key, n string }
	arrived := make(chan arrival, 2*keys*each)
	sub := c.Subscriber(name)
	sub.ReceiveSettings.NumGoroutines = 4
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	next := map[string]int{}
	total := make(chan struct{}, 2*keys*each)
	err := sub.Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		arrived <- arrival{m.OrderingKey, string(m.Data)}
		m.Ack()
		total <- struct{}{}
		if len(total) == keys*each {
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	close(arrived)
	for a := range arrived {
		if a.n != strconv.Itoa(next[a.key]) {
			t.Fatalf("key %s: %s arrived, want %d", a.key, a.n, next[a.key])
		}
		next[a.key]++
	}
	if len(next) != keys {
		t.Errorf("%d keys arrived, want %d", len(next), keys)
	}
}
