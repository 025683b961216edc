package natsjs_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/consumer/natsjs"
	"github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/handlers"
)

func TestSource_Conformance(t *testing.T) {
	t.Parallel()
	consumertest.RunSourceTests(t, &harness{broker: startBroker(t, t.TempDir(), 0)})
}

// lease is the shortest that leaves a busy machine four keep-alives in time.
const lease = time.Second

// startBroker starts a broker that syncs seldom: these tests cut no power.
func startBroker(t testing.TB, dir string, port int) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(t.Context(), embedded.Config{Dir: dir, Port: port, SyncEvery: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func connect(t testing.TB, e embedded.Endpoint) *nats.Conn {
	t.Helper()
	conn, err := natsjs.Connect(natsjs.ConnectConfig{URL: e.URL, TokenFile: e.TokenFile})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// harness offers one embedded broker to the conformance suite.
type harness struct{ broker *embedded.Server }

func (h *harness) Traits() consumertest.Traits {
	return consumertest.Traits{
		Lease: lease,
		Deviations: map[string]string{
			"ordering": "JetStream keeps no order within a key once several messages are in flight",
			"filters":  "JetStream filters by subject, not by attribute",
		},
	}
}

func (h *harness) Subscribe(t *testing.T, opts consumertest.SubscriptionOptions) consumertest.Subscription {
	sub := subscribe(t, h.broker.Endpoint(), opts)
	t.Cleanup(func() {
		if err := sub.js.DeleteStream(context.WithoutCancel(t.Context()), sub.name); err != nil {
			t.Error(err)
		}
	})
	return sub
}

func (h *harness) Missing(t *testing.T) (consumer.Source, string) {
	sub := subscribe(t, h.broker.Endpoint(), consumertest.SubscriptionOptions{})
	return newSource(t, connect(t, sub.broker), natsjs.Config{Stream: sub.name, Consumer: "nobody"}), "nobody"
}

func (h *harness) SubscribeRestartable(t *testing.T) (consumertest.Subscription, func(away func())) {
	dir := t.TempDir()
	broker := startBroker(t, dir, 0)
	sub := subscribe(t, broker.Endpoint(), consumertest.SubscriptionOptions{})
	return sub, func(away func()) {
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
		away()
		if again := startBroker(t, dir, 0); again.URL() != broker.URL() {
			t.Errorf("the broker was at %s and is at %s", broker.URL(), again.URL())
		}
		back := sub.conn.StatusChanged(nats.CONNECTED)
		defer sub.conn.RemoveStatusListener(back)
		if !sub.conn.IsConnected() {
			<-back
		}
	}
}

// subscription is a stream with one consumer, both named after the test.
type subscription struct {
	broker    embedded.Endpoint
	name      string
	confirm   bool
	conn      *nats.Conn
	js        jetstream.JetStream
	publisher *natsjs.Publisher
}

func subscribe(t testing.TB, broker embedded.Endpoint, opts consumertest.SubscriptionOptions) *subscription {
	t.Helper()
	conn := connect(t, broker)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	sub := &subscription{
		broker:  broker,
		name:    strings.NewReplacer("/", "-", ".", "-", " ", "-").Replace(t.Name()) + fmt.Sprint(time.Now().UnixNano()),
		confirm: opts.ExactlyOnce,
		conn:    conn,
		js:      js,
	}
	err = natsjs.Setup(t.Context(), js, natsjs.SetupConfig{
		Stream: sub.name, Subjects: []string{sub.name}, Consumer: "worker", Lease: lease, Replicas: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	sub.publisher, err = natsjs.NewPublisher(t.Context(), conn, natsjs.PublisherConfig{Stream: sub.name, Subject: sub.name})
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func (s *subscription) Connect(t *testing.T) (consumer.Source, func()) {
	t.Helper()
	conn := connect(t, s.broker)
	return newSource(t, conn, natsjs.Config{Stream: s.name, Consumer: "worker", ConfirmAcks: s.confirm}), conn.Close
}

func newSource(t *testing.T, conn *nats.Conn, cfg natsjs.Config) *natsjs.Source {
	t.Helper()
	src, err := natsjs.NewSource(conn, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func (s *subscription) Publish(t *testing.T, msgs ...handlers.Message) (ids []string) {
	t.Helper()
	var sent []*natsjs.Sent
	for _, m := range msgs {
		one, err := s.publisher.Send(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, one)
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
