package gcppubsub_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/theriac/theriac/consumer/gcppubsub"
	"github.com/theriac/theriac/handlers"
)

func TestSetup_IsIdempotentAndRefusesWhatDiffers(t *testing.T) {
	t.Parallel()
	client := connect(t, startFake(t).Addr())
	cfg := gcppubsub.SetupConfig{Topic: "orders", Subscription: "orders-worker", Ordered: true}
	for range 2 {
		if err := gcppubsub.Setup(t.Context(), client, cfg); err != nil {
			t.Fatal(err)
		}
	}
	other := gcppubsub.SetupConfig{Topic: "returns", Subscription: "orders-worker", ExactlyOnce: true}
	err := gcppubsub.Setup(t.Context(), client, other)
	if !errors.Is(err, gcppubsub.ErrUnfit) {
		t.Fatalf("Setup = %v, want ErrUnfit", err)
	}
	for _, part := range []string{"topic", "message ordering", "exactly-once"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not name %s", err, part)
		}
	}
	if err := gcppubsub.Setup(t.Context(), client, gcppubsub.SetupConfig{}); err == nil {
		t.Error("a set-up without a topic was accepted")
	}
}

func TestPublisher_TopicMissing(t *testing.T) {
	t.Parallel()
	client := connect(t, startFake(t).Addr())
	if _, err := gcppubsub.NewPublisher(client, gcppubsub.PublisherConfig{}); err == nil {
		t.Error("a publisher without a topic was made")
	}
	p, err := gcppubsub.NewPublisher(client, gcppubsub.PublisherConfig{Topic: "nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	_, err = p.Publish(t.Context(), handlers.Message{Data: []byte("x"), OrderingKey: "k"})
	if missing, ok := errors.AsType[*gcppubsub.MissingError](err); !ok || missing.Name != "projects/test/topics/nowhere" {
		t.Errorf("Publish = %v, want a MissingError", err)
	}
	// The key is not blocked by the failure: this one is refused by the broker.
	_, err = p.Publish(t.Context(), handlers.Message{Data: []byte("x"), OrderingKey: "k"})
	if _, ok := errors.AsType[*gcppubsub.MissingError](err); !ok {
		t.Errorf("the second Publish = %v, want a MissingError", err)
	}
}
