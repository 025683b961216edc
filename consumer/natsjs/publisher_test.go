package natsjs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/theriac/theriac/consumer/natsjs"
	"github.com/theriac/theriac/handlers"
)

func TestPublisher_TheLargestMessageOfPubSubFits(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	want := handlers.Message{
		Data:        bytes.Repeat([]byte("d"), 10_000_000),
		Attributes:  make(map[string]string),
		OrderingKey: strings.Repeat("o", 1024),
	}
	for i := range 100 {
		want.Attributes[fmt.Sprintf("%0256d", i)] = strings.Repeat("v", 1024)
	}
	var err error
	if want.ID, err = sub.publisher.Publish(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	got := receive(t, sub.source(t, sub.conn)).ack(t)
	if !bytes.Equal(got.Data, want.Data) || got.ID != want.ID || got.OrderingKey != want.OrderingKey {
		t.Errorf("%d bytes of %s arrived as %d bytes of %s", len(want.Data), want.ID, len(got.Data), got.ID)
	}
	if diff := cmp.Diff(want.Attributes, got.Attributes); diff != "" {
		t.Errorf("attributes changed:\n%.1000s", diff)
	}
}

func TestPublisher_TooLargeIsSaid(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	_, err := sub.publisher.Publish(t.Context(), handlers.Message{Data: make([]byte, 13<<20)})
	large, ok := errors.AsType[*natsjs.TooLargeError](err)
	if !ok || large.SizeBytes < 13<<20 || large.MaxBytes != 12<<20 {
		t.Errorf("Publish = %v, want a *TooLargeError", err)
	}
	if _, err := sub.publisher.Send(t.Context(), handlers.Message{Data: make([]byte, 13<<20)}); !errors.As(err, &large) {
		t.Errorf("Send = %v, want a *TooLargeError", err)
	}
}

func TestPublisher_DedupByID(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	p, err := natsjs.NewPublisher(t.Context(), sub.conn, natsjs.PublisherConfig{Stream: sub.name, Subject: sub.name, DedupByID: true})
	if err != nil {
		t.Fatal(err)
	}
	publish := func(id string) string {
		t.Helper()
		got, err := p.Publish(t.Context(), handlers.Message{ID: id, Data: []byte("x")})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	seen := make(map[string]bool)
	for _, id := range []string{"tick-1", "tick-2", " tick-1", "tick\r\n1", "tick\x001"} {
		first := publish(id)
		if again := publish(id); again != first {
			t.Errorf("the copy of %q was stored as %s beside %s", id, again, first)
		}
		if seen[first] {
			t.Errorf("%q was taken for another message", id)
		}
		seen[first] = true
	}
	if one, other := publish(""), publish(""); one == other {
		t.Error("two messages without an ID were taken for one")
	}
}

func TestPublisher_SendWaitsForRoomAndContext(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	proxy, through := startProxy(t, sub.broker)
	p, err := natsjs.NewPublisher(t.Context(), connect(t, through), natsjs.PublisherConfig{Stream: sub.name, Subject: sub.name, MaxPending: 2})
	if err != nil {
		t.Fatal(err)
	}
	proxy.hold()
	var sent []*natsjs.Sent
	for range 2 {
		one, err := p.Send(t.Context(), handlers.Message{Data: []byte("x")})
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, one)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Send(ctx, handlers.Message{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the third Send = %v, want it to wait until its context ended", err)
	}
	proxy.resume()
	for _, one := range sent {
		if _, err := one.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestPublisher_MissingStream(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	_, err := natsjs.NewPublisher(t.Context(), sub.conn, natsjs.PublisherConfig{Stream: "nowhere", Subject: "x"})
	if missing, ok := errors.AsType[*natsjs.MissingError](err); !ok || missing.Stream != "nowhere" {
		t.Errorf("NewPublisher = %v, want a *MissingError", err)
	}
	p, err := natsjs.NewPublisher(t.Context(), sub.conn, natsjs.PublisherConfig{Stream: sub.name, Subject: "nobody-listens"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Publish(t.Context(), handlers.Message{}); err == nil || !strings.Contains(err.Error(), "nobody-listens") {
		t.Errorf("Publish on a subject without a stream = %v, want an error that names it", err)
	}
}

func TestSetup_IsIdempotentAndRaisesOutstanding(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	cfg := natsjs.SetupConfig{Stream: "S", Subjects: []string{"s.>"}, Consumer: "C", Filter: []string{"s.a", "s.b"}, Outstanding: 50}
	var parallel sync.WaitGroup
	for range 8 {
		parallel.Go(func() {
			if err := natsjs.Setup(t.Context(), sub.js, cfg); err != nil {
				t.Error(err)
			}
		})
	}
	parallel.Wait()
	for _, replicas := range []int{3, 1} { // fewer replicas later take nothing away
		cfg.Replicas = replicas
		if err := natsjs.Setup(t.Context(), sub.js, cfg); err != nil {
			t.Fatal(err)
		}
	}
	cons, err := sub.js.Consumer(t.Context(), "S", "C")
	if err != nil {
		t.Fatal(err)
	}
	got := cons.CachedInfo().Config
	if got.MaxAckPending != 150 || got.MaxDeliver != -1 || got.AckWait != 10*time.Second || got.AckPolicy != jetstream.AckExplicitPolicy {
		t.Errorf("the consumer is %+v", got)
	}
	if diff := cmp.Diff(cfg.Filter, got.FilterSubjects); diff != "" {
		t.Error(diff)
	}
}

func TestSetup_RefusesWhatLosesMessages(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	for _, cfg := range []jetstream.StreamConfig{
		{Name: "memory", Subjects: []string{"memory"}, Storage: jetstream.MemoryStorage},
		{Name: "drops", Subjects: []string{"drops"}, MaxMsgs: 10},
		{Name: "deaf", Subjects: []string{"other"}},
	} {
		if _, err := sub.js.CreateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		err := natsjs.Setup(t.Context(), sub.js, natsjs.SetupConfig{Stream: cfg.Name, Subjects: []string{cfg.Name}})
		if !errors.Is(err, natsjs.ErrUnfit) || !strings.Contains(err.Error(), cfg.Name) {
			t.Errorf("Setup of %s = %v, want ErrUnfit that names it", cfg.Name, err)
		}
	}
	if err := natsjs.Setup(t.Context(), sub.js, natsjs.SetupConfig{}); err == nil {
		t.Error("Setup took a config without names")
	}
}

func TestConnect_ErrorsKeepSecrets(t *testing.T) {
	t.Parallel()
	broker := startBroker(t, t.TempDir(), 0).Endpoint()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("wrong-secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	withUser := strings.Replace(broker.URL, "nats://", "nats://user:url-secret@", 1)
	for _, cfg := range []natsjs.ConnectConfig{
		{URL: withUser},
		{URL: broker.URL, TokenFile: token},
		{URL: "nats://user:url-secret@127.0.0.1:1"},
		{URL: "nats://user:url-secret@[bad"},
		{URL: broker.URL, TokenFile: filepath.Join(t.TempDir(), "absent")},
	} {
		conn, err := natsjs.Connect(cfg)
		if err == nil {
			conn.Close()
			t.Errorf("Connect(%+v) succeeded", cfg)
			continue
		}
		if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("Connect = %q, want one line without secrets", err)
		}
	}
}

func TestPublisher_InjectsWithoutChangingTheMessage(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	p, err := natsjs.NewPublisher(t.Context(), sub.conn, natsjs.PublisherConfig{
		Stream: sub.name, Subject: sub.name,
		Inject: func(_ context.Context, set func(name, value string)) {
			set("traceparent", "new")
			set("tracestate", "s")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]string{"traceparent": "of its origin", "kind": "alert"}
	if _, err := p.Publish(t.Context(), handlers.Message{Attributes: own}); err != nil {
		t.Fatal(err)
	}
	got := receive(t, sub.source(t, sub.conn)).ack(t)
	want := map[string]string{"traceparent": "of its origin", "tracestate": "s", "kind": "alert"}
	if diff := cmp.Diff(want, got.Attributes); diff != "" || len(own) != 2 {
		t.Errorf("the message's own are %v; attributes (-want +got):\n%s", own, diff)
	}
}
