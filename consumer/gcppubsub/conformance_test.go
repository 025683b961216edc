package gcppubsub_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/pstest"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/consumer/gcppubsub"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/fakepubsub"
)

// shortLease is for cases that wait for its end. The client extends leases for
// the first time 5 s after it opened a stream; the rest is for a busy machine.
const shortLease = 9 * time.Second

func TestSource_ConformanceOnFakepubsub(t *testing.T) {
	t.Parallel()
	consumertest.RunSourceTests(t, &restartable{harness{
		addr:   startFake(t).Addr(),
		lease:  shortLease,
		traits: consumertest.Traits{Deviations: map[string]string{"filters": "internal/fakepubsub refuses filters"}},
	}})
}

func TestSource_ConformanceOnPstest(t *testing.T) {
	t.Parallel()
	srv := pstest.NewServer()
	t.Cleanup(func() { _ = srv.Close() })
	consumertest.RunSourceTests(t, &harness{addr: srv.Addr, lease: shortLease, traits: consumertest.Traits{Bulk: 200}})
}

func startFake(t *testing.T) *fakepubsub.Server {
	t.Helper()
	srv, err := fakepubsub.Start(fakepubsub.Config{MinAckDeadlineSeconds: int32(shortLease / time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv
}

// harness offers a Pub/Sub server to the conformance suite.
type harness struct {
	addr   string
	lease  time.Duration
	traits consumertest.Traits
	made   atomic.Int64 // subscriptions, for their names
}

func (h *harness) Traits() consumertest.Traits {
	tr := h.traits
	tr.Lease = h.lease
	tr.Deviations = map[string]string{
		"LeavesNoGoroutines": "the client's keep-alive loop looks for its end every 10 s only; TestMain ignores it by name",
	}
	maps.Copy(tr.Deviations, h.traits.Deviations)
	return tr
}

func (h *harness) Subscribe(t *testing.T, opts consumertest.SubscriptionOptions) consumertest.Subscription {
	t.Helper()
	return h.subscribe(t, h.addr, opts)
}

func (h *harness) Missing(t *testing.T) (consumer.Source, string) {
	t.Helper()
	return newSource(t, connect(t, h.addr), gcppubsub.Config{Subscription: "nobody"}), "projects/test/subscriptions/nobody"
}

func (h *harness) subscribe(t *testing.T, addr string, opts consumertest.SubscriptionOptions) *subscription {
	t.Helper()
	name := fmt.Sprintf("suite-%d", h.made.Add(1))
	cfg := gcppubsub.SetupConfig{Topic: name, Subscription: name, Ordered: opts.Ordered, ExactlyOnce: opts.ExactlyOnce}
	if opts.FilterKey != "" {
		cfg.Filter = fmt.Sprintf("attributes.%s = %q", opts.FilterKey, opts.FilterValue)
	}
	client := connect(t, addr)
	if err := gcppubsub.Setup(t.Context(), client, cfg); err != nil {
		t.Fatal(err)
	}
	publisher, err := gcppubsub.NewPublisher(client, gcppubsub.PublisherConfig{Topic: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(publisher.Close)
	return &subscription{
		addr: addr, publisher: publisher,
		cfg: gcppubsub.Config{Subscription: name, Lease: h.lease, ExactlyOnce: opts.ExactlyOnce},
	}
}

// subscription is one subscription and its topic, both of one name.
type subscription struct {
	addr      string
	cfg       gcppubsub.Config
	publisher *gcppubsub.Publisher
}

func (s *subscription) Connect(t *testing.T) (consumer.Source, func()) {
	t.Helper()
	client := connect(t, s.addr)
	return newSource(t, client, s.cfg), func() { _ = client.Close() }
}

func (s *subscription) Publish(t *testing.T, msgs ...handlers.Message) (ids []string) {
	t.Helper()
	sent := make([]*gcppubsub.Sent, len(msgs))
	for i, m := range msgs {
		sent[i] = s.publisher.Send(t.Context(), m)
	}
	for _, one := range sent {
		id, err := one.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// restartable is a harness whose server has outages and keeps its messages.
type restartable struct{ harness }

func (h *restartable) SubscribeRestartable(t *testing.T) (consumertest.Subscription, func(away func())) {
	srv := startFake(t)
	return h.subscribe(t, srv.Addr(), consumertest.SubscriptionOptions{}), func(away func()) {
		srv.Disconnect()
		away()
		if err := srv.Reconnect(); err != nil {
			t.Error(err)
		}
	}
}

func connect(t *testing.T, addr string) *gcppubsub.Client {
	t.Helper()
	c, err := gcppubsub.Connect(context.WithoutCancel(t.Context()), gcppubsub.ConnectConfig{Project: "test", Plaintext: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil && !strings.Contains(err.Error(), "closing") {
			t.Error(err)
		}
	})
	return c
}

func newSource(t *testing.T, c *gcppubsub.Client, cfg gcppubsub.Config) *gcppubsub.Source {
	t.Helper()
	src, err := gcppubsub.NewSource(c, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return src
}
