package natsjs_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/consumer/natsjs"
	"github.com/theriac/theriac/handlers"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// receiving is a running Receive.
type receiving struct {
	handed  chan *consumer.Delivery
	trouble chan error
	ended   chan error
	stop    context.CancelFunc
}

// receive starts Receive. Each deliver call returns once the test took the
// delivery, so settling is the test's business.
func receive(t *testing.T, src consumer.Source) *receiving {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	r := &receiving{
		handed:  make(chan *consumer.Delivery),
		trouble: make(chan error, 100),
		ended:   make(chan error, 1),
		stop:    cancel,
	}
	lim := consumer.Limits{MaxOutstanding: 100, MaxOutstandingBytes: 64 << 20, DrainTimeout: time.Second, Trouble: func(err error) {
		select {
		case r.trouble <- err:
		default:
		}
	}}
	var running sync.WaitGroup
	running.Go(func() {
		r.ended <- src.Receive(ctx, lim, func(d *consumer.Delivery) {
			select {
			case r.handed <- d:
			case <-ctx.Done():
			}
		})
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return r
}

// await is a receive that fails t after patience.
func await[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("%s did not come within %v", what, patience)
		panic("unreachable")
	}
}

func (r *receiving) ack(t *testing.T) handlers.Message {
	t.Helper()
	d := await(t, "a delivery", r.handed)
	if err := d.Settler.Ack(t.Context()); err != nil {
		t.Error(err)
	}
	return d.Message
}

func fresh(t *testing.T) *subscription {
	t.Helper()
	return subscribe(t, startBroker(t, t.TempDir(), 0).Endpoint(), consumertest.SubscriptionOptions{})
}

func (s *subscription) source(t *testing.T, conn *nats.Conn) *natsjs.Source {
	t.Helper()
	return newSource(t, conn, natsjs.Config{Stream: s.name, Consumer: "worker"})
}

func TestSource_IDNamesTheStreamAndTheSequence(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	stream, err := sub.js.Stream(t.Context(), sub.name)
	if err != nil {
		t.Fatal(err)
	}
	created := stream.CachedInfo().Created.UnixNano()
	id := sub.Publish(t, handlers.Message{Data: []byte("x")})[0]
	stored, err := stream.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	got := receive(t, sub.source(t, sub.conn)).ack(t)
	if want := time.Unix(0, created).UTC().UnixNano(); !strings.HasPrefix(got.ID, strconv.FormatInt(want, 10)+".") || !strings.HasSuffix(got.ID, ".1") || got.ID != id {
		t.Errorf("ID = %q, want the stream's creation %d and sequence 1, as published: %q", got.ID, want, id)
	}
	if !got.PublishedAt.Equal(stored.Time) {
		t.Errorf("PublishedAt = %v, the stream stored it at %v", got.PublishedAt, stored.Time)
	}
}

func TestSource_ForeignMessagesShowTheirHeaders(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	msg := nats.NewMsg(sub.name)
	msg.Data = []byte("from elsewhere")
	msg.Header.Set("Kind", "alert")
	msg.Header.Set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if _, err := sub.js.PublishMsg(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	got := receive(t, sub.source(t, sub.conn)).ack(t)
	want := map[string]string{"Kind": "alert", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	if diff := cmp.Diff(want, got.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
}

func TestSource_ConsumerDeletedWhileReceiving_EndsWithOneLine(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	r := receive(t, sub.source(t, sub.conn))
	sub.Publish(t, handlers.Message{Data: []byte("x")})
	r.ack(t)
	if err := sub.js.DeleteConsumer(t.Context(), sub.name, "worker"); err != nil {
		t.Fatal(err)
	}
	err := await(t, "the end of Receive", r.ended)
	if missing, ok := errors.AsType[*natsjs.MissingError](err); !ok || missing.Consumer != "worker" {
		t.Errorf("Receive = %v, want a *MissingError", err)
	}
	if err := await(t, "trouble", r.trouble); err == nil {
		t.Error("the trouble was not told before")
	}
}

func TestSource_ConnectionClosed_EndsReceive(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	conn := connect(t, sub.broker)
	r := receive(t, sub.source(t, conn))
	sub.Publish(t, handlers.Message{Data: []byte("x")})
	r.ack(t)
	conn.Close()
	if err := await(t, "the end of Receive", r.ended); !errors.Is(err, natsjs.ErrClosed) {
		t.Errorf("Receive = %v, want ErrClosed", err)
	}
	if err := await(t, "the end of Receive", receive(t, sub.source(t, conn)).ended); !errors.Is(err, natsjs.ErrClosed) {
		t.Errorf("Receive on a closed connection = %v, want ErrClosed", err)
	}
}

func TestSource_LinkCut_IsToldAndMended(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	p, through := startProxy(t, sub.broker)
	r := receive(t, sub.source(t, connect(t, through)))
	sub.Publish(t, handlers.Message{Data: []byte("before")})
	r.ack(t)
	p.cut()
	if err := await(t, "trouble", r.trouble); err == nil {
		t.Error("Trouble(nil) came first")
	}
	sub.Publish(t, handlers.Message{Data: []byte("after")})
	for string(r.ack(t).Data) != "after" { // the ack of the first may be lost
	}
	for await(t, "the end of trouble", r.trouble) != nil {
	}
}

func TestSource_BrokerSilent_IsNoticedAndNothingIsLost(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	p, through := startProxy(t, sub.broker)
	r := receive(t, sub.source(t, connect(t, through)))
	sub.Publish(t, handlers.Message{Data: []byte("before")})
	r.ack(t)
	p.hold()
	if err := await(t, "trouble", r.trouble); err == nil {
		t.Error("Trouble(nil) came first")
	}
	ids := sub.Publish(t, handlers.Message{Data: []byte("1")}, handlers.Message{Data: []byte("2")})
	p.resume()
	missing := map[string]bool{ids[0]: true, ids[1]: true}
	for len(missing) > 0 {
		delete(missing, r.ack(t).ID)
	}
}

func TestAdopt_ReturnsTheMessagesOfTheDeadAtOnce(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	long := longLease(t, sub)
	dead := connect(t, sub.broker)
	r := receive(t, newSource(t, dead, long))
	ids := sub.Publish(t, handlers.Message{Data: []byte("1")}, handlers.Message{Data: []byte("2")})
	missing := make(map[string]bool)
	var tokens []string
	for range ids {
		d := await(t, "a delivery", r.handed)
		tokens = append(tokens, d.Settler.(interface{ LeaseToken() string }).LeaseToken())
		missing[d.Message.ID] = true
	}
	dead.Close()
	_ = await(t, "the end of Receive", r.ended)
	untilForgotten(t, sub, long)

	source := newSource(t, sub.conn, long)
	next := receive(t, source)
	began := time.Now()
	for _, none := range []string{"made up\r\n", strings.Replace(tokens[0], long.Consumer, "another", 1)} {
		if _, err := source.Adopt(none); err == nil || !strings.Contains(err.Error(), "no lease") {
			t.Errorf("Adopt(%q) = %v, want it to say that the token is none of ours", none, err)
		}
	}
	for _, token := range tokens {
		lease, err := source.Adopt(token)
		if err == nil {
			err = lease.Nack(t.Context(), 0)
		}
		if err != nil {
			t.Error(err)
		}
	}
	for len(missing) > 0 {
		delete(missing, next.ack(t).ID)
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("it took %v", took)
	}
}

// untilForgotten waits until the broker has seen that the receivers are gone.
func untilForgotten(t *testing.T, sub *subscription, cfg natsjs.Config) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		cons, err := sub.js.Consumer(ctx, cfg.Stream, cfg.Consumer)
		if err != nil {
			t.Fatal(err)
		}
		if cons.CachedInfo().NumWaiting == 0 {
			return
		}
	}
}

// longLease makes a second consumer whose leases end after any test.
func longLease(t *testing.T, sub *subscription) natsjs.Config {
	t.Helper()
	err := natsjs.Setup(t.Context(), sub.js, natsjs.SetupConfig{
		Stream: sub.name, Subjects: []string{sub.name}, Consumer: "long", Lease: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	return natsjs.Config{Stream: sub.name, Consumer: "long"}
}

func TestSource_RefusesConsumersThatLoseMessages(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	tests := []struct {
		name string
		cfg  jetstream.ConsumerConfig
		says string
	}{
		{"DeliveryLimit", jetstream.ConsumerConfig{AckPolicy: jetstream.AckExplicitPolicy, MaxDeliver: 5}, "max_deliver"},
		{"NoAcks", jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy}, "explicit"},
		{"AcksForAllBefore", jetstream.ConsumerConfig{AckPolicy: jetstream.AckAllPolicy}, "explicit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.cfg.Durable = tt.name
			if _, err := sub.js.CreateConsumer(t.Context(), sub.name, tt.cfg); err != nil {
				t.Fatal(err)
			}
			r := receive(t, newSource(t, sub.conn, natsjs.Config{Stream: sub.name, Consumer: tt.name}))
			err := await(t, "the end of Receive", r.ended)
			if !errors.Is(err, natsjs.ErrUnfit) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Receive = %v, want ErrUnfit that says %q", err, tt.says)
			}
		})
	}
	t.Run("MissingStream", func(t *testing.T) {
		t.Parallel()
		r := receive(t, newSource(t, sub.conn, natsjs.Config{Stream: "nowhere", Consumer: "worker"}))
		err := await(t, "the end of Receive", r.ended)
		if missing, ok := errors.AsType[*natsjs.MissingError](err); !ok || *missing != (natsjs.MissingError{Stream: "nowhere"}) {
			t.Errorf("Receive = %v, want a *MissingError of the stream", err)
		}
	})
}

func TestNewSource_WantsBothNames(t *testing.T) {
	t.Parallel()
	for _, cfg := range []natsjs.Config{{}, {Stream: "s"}, {Consumer: "c"}} {
		if _, err := natsjs.NewSource(nil, cfg); err == nil {
			t.Errorf("NewSource took %+v", cfg)
		}
	}
}

func TestSource_ByteLimitHoldsForMixedSizes(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	const limit = 250_000
	missing := make(map[string]bool)
	var msgs []handlers.Message
	for i := range 120 {
		msgs = append(msgs, handlers.Message{Data: make([]byte, i*i*i%400_000)})
	}
	for _, id := range sub.Publish(t, msgs...) {
		missing[id] = true
	}
	var inHand, number atomic.Int64
	done := make(chan string)
	ctx, cancel := context.WithCancel(t.Context())
	var receiving sync.WaitGroup
	receiving.Go(func() {
		lim := consumer.Limits{MaxOutstanding: 40, MaxOutstandingBytes: limit, DrainTimeout: patience}
		if err := sub.source(t, sub.conn).Receive(ctx, lim, func(d *consumer.Delivery) {
			size := int64(len(d.Message.Data))
			n := number.Add(1)
			if sum := inHand.Add(size); sum > limit && n > 1 {
				t.Errorf("%d bytes in %d deliveries are in hand", sum, n)
			}
			done <- d.Message.ID
			if err := d.Settler.Ack(t.Context()); err != nil {
				t.Error(err)
			}
			inHand.Add(-size)
			number.Add(-1)
		}); err != nil {
			t.Error(err)
		}
	})
	for len(missing) > 0 {
		delete(missing, await(t, "a delivery", done))
	}
	cancel()
	receiving.Wait()
}

func TestSource_BrokerBackWithoutItsState_EndsWithOneLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker := startBroker(t, dir, 0)
	sub := subscribe(t, broker.Endpoint(), consumertest.SubscriptionOptions{})
	r := receive(t, sub.source(t, connect(t, broker.Endpoint())))
	sub.Publish(t, handlers.Message{Data: []byte("x")})
	r.ack(t)
	if err := errors.Join(broker.Close(), os.RemoveAll(filepath.Join(dir, "jetstream"))); err != nil {
		t.Fatal(err)
	}
	startBroker(t, dir, 0)
	err := await(t, "the end of Receive", r.ended)
	if missing, ok := errors.AsType[*natsjs.MissingError](err); !ok || missing.Stream != sub.name {
		t.Errorf("Receive = %v, want a *MissingError of the stream", err)
	}
}

// A receiver that ends under load gives back at once what the broker had sent
// and it had not delivered: with leases of an hour, nothing else would.
func TestSource_EndedUnderLoad_HandsBackAtOnce(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	long := longLease(t, sub)
	msgs := make([]handlers.Message, 5000)
	missing := make(map[string]bool)
	for _, id := range sub.Publish(t, msgs...) {
		missing[id] = true
	}
	acked := make(chan string, len(msgs))
	lim := consumer.Limits{MaxOutstanding: 2000, MaxOutstandingBytes: 1 << 20, DrainTimeout: patience}
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		var some atomic.Int64
		err := newSource(t, sub.conn, long).Receive(ctx, lim, func(d *consumer.Delivery) {
			n := some.Add(1)
			if n == 100 {
				cancel()
			}
			if n > 100 { // or a fast machine acknowledges all of them before the end is noticed
				if err := d.Settler.Nack(t.Context(), 0); err != nil {
					t.Error(err)
				}
				return
			}
			if err := d.Settler.Ack(t.Context()); err != nil {
				t.Error(err)
			}
			acked <- d.Message.ID
		})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
	}
	for n := len(acked); n > 0; n-- {
		delete(missing, <-acked)
	}
	rest := receive(t, newSource(t, sub.conn, long))
	for len(missing) > 0 {
		delete(missing, rest.ack(t).ID)
	}
}

// TestSource_Backlog: what nobody was sent, through a roster too.
func TestSource_Lease(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	if got, err := sub.source(t, sub.conn).Lease(t.Context()); got != lease || err != nil {
		t.Errorf("lease %v, %v, want %v", got, err, lease)
	}
}

func TestSource_Backlog(t *testing.T) {
	t.Parallel()
	sub := fresh(t)
	src := sub.source(t, sub.conn)
	if n, err := src.Backlog(t.Context()); n != 0 || err != nil {
		t.Errorf("backlog %d, %v, want none", n, err)
	}
	sub.Publish(t, make([]handlers.Message, 5)...)
	var roster consumer.Roster
	_, err := consumer.New(src, consumer.Subscription{
		Name: "orders", Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error { return nil }),
	}, consumer.Config{Roster: &roster})
	if err != nil {
		t.Fatal(err)
	}
	// The server counts for a consumer a moment after it has confirmed what was published.
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	late := time.After(patience)
	for all := map[string]uint64{}; all["orders"] != 5; {
		select {
		case <-look.C:
		case <-late:
			t.Fatalf("backlogs %v, want 5 of orders", all)
		}
		if all, err = roster.Backlogs(t.Context()); err != nil || len(all) != 1 {
			t.Fatalf("backlogs %v, %v, want one of orders", all, err)
		}
	}
	missing := newSource(t, sub.conn, natsjs.Config{Stream: sub.name, Consumer: "nobody"})
	var gone *natsjs.MissingError
	if _, err := missing.Backlog(t.Context()); !errors.As(err, &gone) {
		t.Errorf("backlog of a missing consumer: %v", err)
	}
}
