package bus_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/theriac/theriac/cmd/internal/bus"
	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/handlers"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// What is published to a topic comes once to each of its subscriptions, and to no other topic's; what
// was published before anybody received waits. A copy with the same id is dropped.
func TestBus_EverySubscriptionHearsOfItsTopic(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, err := embedded.Start(t.Context(), embedded.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	b, err := bus.Open(t.Context(), bus.Config{Broker: config.Endpoint{Kind: config.Embedded, Address: dir}, Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	topics := bus.Topics{"events": {"events--a", "events--b"}, "clock": {"clock--c"}}
	for range 2 { // any number of processes set it up
		if err := b.Setup(t.Context(), topics); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"1", "2", "2"} {
		if err := b.Publish(t.Context(), "events", handlers.Message{ID: id, Data: []byte(id), Attributes: map[string]string{"kind": "event"}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Publish(t.Context(), "clock", handlers.Message{ID: "t", Data: []byte("tick")}); err != nil {
		t.Fatal(err)
	}
	for sub, want := range map[string][]string{"events--a": {"1", "2"}, "events--b": {"1", "2"}, "clock--c": {"tick"}} {
		topic := "events"
		if sub == "clock--c" {
			topic = "clock"
		}
		if got := receive(t, b, topic, sub, len(want)); !slices.Equal(got, want) {
			t.Errorf("%s received %q, want %q", sub, got, want)
		}
	}
}

// A broker that other machines use, too, waits until they know what a dead one was running.
func TestBus_LeaseOutlastsTheNewsOfADeath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, err := embedded.Start(t.Context(), embedded.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	at, err := embedded.Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(at.TokenFile)
	if err != nil {
		t.Fatal(err)
	}
	url := strings.Replace(at.URL, "nats://", "nats://"+strings.TrimSpace(string(token))+"@", 1)
	for topic, tc := range map[string]struct {
		broker config.Endpoint
		want   time.Duration
	}{
		"embedded": {config.Endpoint{Kind: config.Embedded, Address: dir}, 2 * time.Second},
		"cluster":  {config.Endpoint{Kind: config.NATS, Address: url}, 10 * time.Second},
	} {
		b, err := bus.Open(t.Context(), bus.Config{Broker: tc.broker, Name: "test"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		if err := b.Setup(t.Context(), bus.Topics{topic: {topic + "--a"}}); err != nil {
			t.Fatal(err)
		}
		source, err := b.Source(topic, topic+"--a")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := source.(consumer.Lessor).Lease(t.Context()); got != tc.want || err != nil {
			t.Errorf("%s: lease %v, %v, want %v", topic, got, err, tc.want)
		}
	}
}

// receive takes n messages of a subscription.
func receive(t *testing.T, b *bus.Bus, topic, sub string, n int) []string {
	t.Helper()
	source, err := b.Source(topic, sub)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	var got []string
	c, err := consumer.New(source, consumer.Subscription{
		Name: sub, HandlerName: "test", Handler: handlers.HandlerFunc(func(_ context.Context, m handlers.Message) error {
			mu.Lock()
			defer mu.Unlock()
			if got = append(got, string(m.Data)); len(got) == n {
				stop()
			}
			return nil
		}),
	}, consumer.Config{MaxRunning: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Run(ctx); err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	return got
}

// An embedded broker that does not run is said to be so, once the caller has waited long enough.
func TestOpen_NoBroker_SaysHowToStartOne(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := bus.Open(ctx, bus.Config{Broker: config.Endpoint{Kind: config.Embedded, Address: t.TempDir()}, Name: "test"})
	if err == nil {
		t.Fatal("it opened what is not there")
	}
}
