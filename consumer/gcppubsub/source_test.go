package gcppubsub_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/consumer/gcppubsub"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/fakepubsub"
)

func TestConfig_ValidateJoinsEveryProblem(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		cfg  gcppubsub.Config
		want []string // parts of the message; none: valid
	}{
		{"id", gcppubsub.Config{Subscription: "orders"}, nil},
		{"full name", gcppubsub.Config{Subscription: "projects/p/subscriptions/orders"}, nil},
		{"shortest lease", gcppubsub.Config{Subscription: "orders", Lease: time.Second}, nil},
		{"empty", gcppubsub.Config{}, []string{"Subscription"}},
		{"a topic's name", gcppubsub.Config{Subscription: "projects/p/topics/orders"}, []string{"Subscription"}},
		{"all wrong", gcppubsub.Config{Subscription: "a/b", Lease: 1500 * time.Millisecond, Streams: 65, StopGrace: -1},
			[]string{"Subscription", "Lease", "Streams", "StopGrace"}},
		{"lease too long", gcppubsub.Config{Subscription: "orders", Lease: 601 * time.Second}, []string{"Lease"}},
	} {
		err := tc.cfg.Validate()
		if (err == nil) != (len(tc.want) == 0) {
			t.Errorf("%s: Validate = %v, want problems with %v", tc.name, err, tc.want)
			continue
		}
		for _, part := range tc.want {
			if !strings.Contains(err.Error(), "Config."+part) {
				t.Errorf("%s: Validate = %q, want it to name %s", tc.name, err, part)
			}
		}
	}
}

func TestConnect_NeedsAProject(t *testing.T) {
	t.Parallel()
	if _, err := gcppubsub.Connect(t.Context(), gcppubsub.ConnectConfig{Plaintext: "127.0.0.1:1"}); err == nil {
		t.Error("a client without a project was made")
	}
}

// bench is one subscription on a server of its own.
type bench struct {
	srv  *fakepubsub.Server
	sub  *subscription
	name string // of the subscription, in full
}

func setup(t *testing.T) bench {
	t.Helper()
	h := &harness{lease: time.Minute} // which no case waits for
	srv := startFake(t)
	sub := h.subscribe(t, srv.Addr(), consumertest.SubscriptionOptions{})
	return bench{srv: srv, sub: sub, name: "projects/test/subscriptions/" + sub.cfg.Subscription}
}

func (b bench) stats(t *testing.T) fakepubsub.Stats {
	t.Helper()
	st, ok := b.srv.Stats(b.name)
	if !ok {
		t.Fatalf("no subscription %s", b.name)
	}
	return st
}

func roomy() consumer.Limits {
	return consumer.Limits{MaxOutstanding: 1000, MaxOutstandingBytes: 64 << 20, DrainTimeout: 20 * time.Second}
}

func texts(n int) []handlers.Message {
	msgs := make([]handlers.Message, n)
	for i := range msgs {
		msgs[i] = handlers.Message{Data: []byte("x")}
	}
	return msgs
}

func TestReceive_ReturnsWhenTheLastAckHasArrived(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const n = 500
	b.sub.Publish(t, texts(n)...)
	src, _ := b.sub.Connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got atomic.Int64
	all := make(chan struct{})
	err := src.Receive(ctx, roomy(), func(d *consumer.Delivery) {
		if got.Add(1) == n {
			close(all)
			cancel()
		}
		<-all // all are settled after the end began
		if err := d.Settler.Ack(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if st := b.stats(t); st.Acked != n || st.Unacked != 0 {
		t.Errorf("stats %+v when Receive returned, want all %d acknowledged", st, n)
	}
}

func TestReceive_HandsBackAllThatItHolds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.srv.Pause() // so that all come in one go
	b.sub.Publish(t, texts(20)...)
	b.sub.cfg.Streams = 1 // what is on its way over another one when the first is delivered, nobody holds yet
	src, _ := b.sub.Connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lim := roomy()
	lim.MaxOutstanding = 5
	b.srv.Resume()
	var calls atomic.Int64
	err := src.Receive(ctx, lim, func(d *consumer.Delivery) {
		calls.Add(1)
		cancel()
		_ = d.Settler.Nack(t.Context(), 0)
	})
	if err != nil {
		t.Fatal(err)
	}
	if st := b.stats(t); st.Outstanding != 0 || st.Unacked != 20 {
		t.Errorf("stats %+v when Receive returned, want 20 held by the broker and none leased", st)
	}
	if calls.Load() > 5 {
		t.Errorf("%d deliver calls were made, at most 5 before the end", calls.Load())
	}
}

func TestReceive_HandsBackWhatHangs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const n = 20
	b.sub.Publish(t, texts(n)...)
	src, _ := b.sub.Connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lim := roomy()
	lim.DrainTimeout = 10 * time.Millisecond
	var calls atomic.Int64
	wake := make(chan struct{})
	var left sync.WaitGroup
	left.Add(n)
	err := src.Receive(ctx, lim, func(d *consumer.Delivery) {
		defer left.Done()
		if calls.Add(1) == n {
			cancel()
		}
		<-wake
		if err := d.Settler.Ack(t.Context()); !errors.Is(err, gcppubsub.ErrSettled) {
			t.Errorf("an ack after the end: %v, want ErrSettled", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	// The client has a second for it, and a busy machine may need longer. No lease ends meanwhile.
	b.eventually(t, func(st fakepubsub.Stats) bool { return st.Nacked == n })
	close(wake)
	left.Wait()
}

func TestSettler_TheFirstOfManyWins(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sub.Publish(t, texts(1)...)
	src, _ := b.sub.Connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := src.Receive(ctx, roomy(), func(d *consumer.Delivery) {
		defer cancel()
		var first atomic.Int64
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				err := d.Settler.Ack(t.Context())
				if i%2 == 0 {
					err = d.Settler.Nack(t.Context(), 0)
				}
				switch {
				case err == nil:
					first.Add(1)
				case !errors.Is(err, gcppubsub.ErrSettled):
					t.Errorf("a later call: %v, want ErrSettled", err)
				}
			})
		}
		wg.Wait()
		if first.Load() > 1 {
			t.Errorf("%d calls settled one delivery", first.Load())
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if st := b.stats(t); st.Acked != 1 || st.Nacked != 0 {
		t.Errorf("stats %+v, want one ack", st)
	}
}

func TestReceive_ReportsAnOutageAndItsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	src, _ := b.sub.Connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	moods := make(chan error, 1000)
	lim := roomy()
	lim.Trouble = func(err error) { moods <- err }
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := src.Receive(ctx, lim, func(d *consumer.Delivery) { _ = d.Settler.Ack(ctx) }); err != nil {
			t.Errorf("Receive = %v", err)
		}
	})
	b.eventually(t, func(st fakepubsub.Stats) bool { return st.Streams > 0 })
	b.srv.Disconnect()
	if err := <-moods; err == nil {
		t.Error("the first report is nil, want the trouble")
	}
	if err := b.srv.Reconnect(); err != nil {
		t.Fatal(err)
	}
	for err := range moods { // without any message
		if err == nil {
			break
		}
	}
	cancel()
	wg.Wait()
}

// eventually waits for a state of the server that nobody announces.
func (b bench) eventually(t *testing.T, ok func(fakepubsub.Stats) bool) {
	t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	late := time.After(20 * time.Second)
	for !ok(b.stats(t)) {
		select {
		case <-look.C:
		case <-late:
			t.Fatalf("the expected state did not come in 20 s: %+v", b.stats(t))
		}
	}
}

func TestReceive_SubscriptionDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	src, _ := b.sub.Connect(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	var err error
	wg.Go(func() { err = src.Receive(ctx, roomy(), func(*consumer.Delivery) {}) })
	b.eventually(t, func(st fakepubsub.Stats) bool { return st.Streams > 0 })
	if _, err := b.srv.DeleteSubscription(t.Context(), &pubsubpb.DeleteSubscriptionRequest{Subscription: b.name}); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	want := &gcppubsub.MissingError{Kind: "subscription", Name: b.name}
	got, _ := errors.AsType[*gcppubsub.MissingError](err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Receive = %v (-want +got):\n%s", err, diff)
	}
}

func TestReceive_PermanentRefusals(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		code codes.Code
		want string
	}{
		{codes.PermissionDenied, "roles/pubsub.subscriber"},
		{codes.Unauthenticated, "GOOGLE_APPLICATION_CREDENTIALS"},
		{codes.InvalidArgument, "configuration"},
	} {
		t.Run(tc.code.String(), func(t *testing.T) {
			t.Parallel()
			client, err := gcppubsub.Connect(t.Context(), gcppubsub.ConnectConfig{
				Project: "test", Plaintext: startFake(t).Addr(), Options: refuse(tc.code),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = client.Close() }()
			src := newSource(t, client, gcppubsub.Config{Subscription: "orders"})
			err = src.Receive(t.Context(), roomy(), func(*consumer.Delivery) {})
			if _, ok := errors.AsType[*gcppubsub.RefusedError](err); !ok {
				t.Fatalf("Receive = %v, want a RefusedError", err)
			}
			for _, part := range []string{tc.want, "projects/test/subscriptions/orders"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q has more than one line", err)
			}
		})
	}
}

// refuse makes every call of a client fail.
func refuse(code codes.Code) []option.ClientOption {
	err := status.Error(code, "line one\nline two")
	return []option.ClientOption{
		option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(
			func(context.Context, string, any, any, *grpc.ClientConn, grpc.UnaryInvoker, ...grpc.CallOption) error {
				return err
			})),
		option.WithGRPCDialOption(grpc.WithChainStreamInterceptor(
			func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, grpc.Streamer, ...grpc.CallOption) (grpc.ClientStream, error) {
				return nil, err
			})),
	}
}

func TestReceive_OncePerClientAndAfterClose(t *testing.T) {
	t.Parallel()
	b := setup(t)
	client := connect(t, b.srv.Addr())
	src := newSource(t, client, b.sub.cfg)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { _ = src.Receive(ctx, roomy(), func(*consumer.Delivery) {}) })
	b.eventually(t, func(st fakepubsub.Stats) bool { return st.Streams > 0 })
	if err := src.Receive(ctx, roomy(), nil); !errors.Is(err, gcppubsub.ErrBusy) {
		t.Errorf("a second Receive = %v, want ErrBusy", err)
	}
	cancel()
	wg.Wait()
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if err := src.Receive(t.Context(), roomy(), nil); !errors.Is(err, gcppubsub.ErrClosed) {
		t.Errorf("Receive after Close = %v, want ErrClosed", err)
	}
}

func TestCheck_TellsWhatIsUnfit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	client := connect(t, b.srv.Addr())
	cfg := b.sub.cfg
	if err := newSource(t, client, cfg).Check(t.Context()); err != nil {
		t.Errorf("Check = %v, want nil", err)
	}
	cfg.ExactlyOnce = true
	if err := newSource(t, client, cfg).Check(t.Context()); !errors.Is(err, gcppubsub.ErrUnfit) || !strings.Contains(err.Error(), "exactly-once") {
		t.Errorf("Check = %v, want ErrUnfit for want of exactly-once delivery", err)
	}
	cfg.Subscription = "nobody"
	err := newSource(t, client, cfg).Check(t.Context())
	const want = "subscription projects/test/subscriptions/nobody does not exist: create it with gcloud pubsub subscriptions create nobody --project=test --topic=TOPIC, or correct its name"
	if err == nil || err.Error() != want {
		t.Errorf("Check = %v, want %s", err, want)
	}
}

func TestExactlyOnce_LateAckSaysThatTheLeaseWasLost(t *testing.T) {
	t.Parallel()
	srv := startFake(t)
	h := &harness{lease: shortLease}
	opts := consumertest.SubscriptionOptions{}
	opts.ExactlyOnce = true
	sub := h.subscribe(t, srv.Addr(), opts)
	b := bench{srv: srv, sub: sub, name: "projects/test/subscriptions/" + sub.cfg.Subscription}
	sub.Publish(t, texts(1)...)
	src, _ := sub.Connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var calls atomic.Int64
	err := src.Receive(ctx, roomy(), func(d *consumer.Delivery) {
		if calls.Add(1) > 1 {
			defer cancel()
			if err := d.Settler.Ack(t.Context()); err != nil {
				t.Error(err)
			}
			return
		}
		// The lease ends under our feet, and the message comes again.
		b.endLeases(t)
		if err := d.Settler.Ack(t.Context()); !errors.Is(err, gcppubsub.ErrLeaseLost) {
			t.Errorf("a late ack: %v, want ErrLeaseLost", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// endLeases ends all leases by a seek to a snapshot of now.
func (b bench) endLeases(t *testing.T) {
	t.Helper()
	const snap = "projects/test/snapshots/now"
	if _, err := b.srv.CreateSnapshot(t.Context(), &pubsubpb.CreateSnapshotRequest{Name: snap, Subscription: b.name}); err != nil {
		t.Error(err)
	}
	if _, err := b.srv.Seek(t.Context(), &pubsubpb.SeekRequest{
		Subscription: b.name, Target: &pubsubpb.SeekRequest_Snapshot{Snapshot: snap},
	}); err != nil {
		t.Error(err)
	}
}

// TestPublisher_Injects, and never over the message's own.
func TestPublisher_Injects(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p, err := gcppubsub.NewPublisher(connect(t, b.sub.addr), gcppubsub.PublisherConfig{
		Topic: b.sub.cfg.Subscription,
		Inject: func(_ context.Context, set func(name, value string)) {
			set("traceparent", "new")
			set("tracestate", "s")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	own := map[string]string{"traceparent": "of its origin", "kind": "alert"}
	if _, err := p.Publish(t.Context(), handlers.Message{Data: []byte("x"), Attributes: own}); err != nil {
		t.Fatal(err)
	}
	src, _ := b.sub.Connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = src.Receive(ctx, roomy(), func(d *consumer.Delivery) {
		defer cancel()
		want := map[string]string{"traceparent": "of its origin", "tracestate": "s", "kind": "alert"}
		if diff := cmp.Diff(want, d.Message.Attributes); diff != "" || len(own) != 2 {
			t.Errorf("the message's own are %v; attributes (-want +got):\n%s", own, diff)
		}
		if err := d.Settler.Ack(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Error(err)
	}
}
