package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/gcppubsub"
	"github.com/theriac/theriac/consumer/natsjs"
	"github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/fakepubsub"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
	"github.com/theriac/theriac/quarantine/quarantinepg"
)

const subscription = "orders"

// engine is one pair of broker and store, each behind a link.
type engine struct {
	source  consumer.Source
	publish func(t *testing.T, n int, data func(i int) string)
	broker  *link

	store   quarantine.Store
	storeAt *link // of a store that is reached over one
}

// embeddedEngine is JetStream and SQLite.
func embeddedEngine(t *testing.T) engine {
	t.Helper()
	ctx := t.Context()
	server, err := embedded.Start(ctx, embedded.Config{Dir: t.TempDir(), SyncEvery: time.Minute})
	check(t, err)
	t.Cleanup(func() { check(t, server.Close()) })
	at, err := url.Parse(server.URL())
	check(t, err)
	l := newLink(t, at.Host)
	token := server.Endpoint().TokenFile

	direct, err := natsjs.Connect(natsjs.ConnectConfig{URL: server.URL(), TokenFile: token})
	check(t, err)
	t.Cleanup(direct.Close)
	js, err := jetstream.New(direct)
	check(t, err)
	check(t, natsjs.Setup(ctx, js, natsjs.SetupConfig{Stream: "S", Subjects: []string{"s"}, Consumer: "c", Lease: 2 * time.Second}))
	pub, err := natsjs.NewPublisher(ctx, direct, natsjs.PublisherConfig{Stream: "S", Subject: "s"})
	check(t, err)
	conn, err := natsjs.Connect(natsjs.ConnectConfig{URL: l.before(server.URL()), TokenFile: token})
	check(t, err)
	t.Cleanup(conn.Close)
	source, err := natsjs.NewSource(conn, natsjs.Config{Stream: "S", Consumer: "c"})
	check(t, err)

	store, err := quarantinelite.Open(ctx, quarantinelite.Config{Path: t.TempDir() + "/quarantine.db"})
	check(t, err)
	t.Cleanup(func() { check(t, store.Close()) })
	return engine{source: source, broker: l, store: store, publish: func(t *testing.T, n int, data func(int) string) {
		t.Helper()
		for i := range n {
			_, err := pub.Publish(t.Context(), handlers.Message{Data: []byte(data(i))})
			check(t, err)
		}
	}}
}

// distributedEngine is Pub/Sub and PostgreSQL.
func distributedEngine(t *testing.T) engine {
	t.Helper()
	ctx := t.Context()
	server, err := fakepubsub.Start(fakepubsub.Config{MinAckDeadlineSeconds: 1})
	check(t, err)
	t.Cleanup(server.Close)
	l := newLink(t, server.Addr())

	direct := connectPubSub(t, server.Addr())
	check(t, gcppubsub.Setup(ctx, direct, gcppubsub.SetupConfig{Topic: "orders", Subscription: "orders-worker"}))
	pub, err := gcppubsub.NewPublisher(direct, gcppubsub.PublisherConfig{Topic: "orders"})
	check(t, err)
	t.Cleanup(pub.Close)
	source, err := gcppubsub.NewSource(connectPubSub(t, l.proxy.Listen), gcppubsub.Config{Subscription: "orders-worker", Lease: 2 * time.Second})
	check(t, err)

	db := postgres.Database(t)
	at, err := url.Parse(db)
	check(t, err)
	storeAt := newLink(t, at.Host)
	store, err := quarantinepg.Open(ctx, quarantinepg.Config{URL: storeAt.before(db)})
	check(t, err)
	t.Cleanup(func() { check(t, store.Close()) })
	return engine{source: source, broker: l, store: store, storeAt: storeAt, publish: func(t *testing.T, n int, data func(int) string) {
		t.Helper()
		sent := make([]*gcppubsub.Sent, n)
		for i := range n {
			sent[i] = pub.Send(t.Context(), handlers.Message{Data: []byte(data(i))})
		}
		for _, s := range sent {
			_, err := s.Wait(t.Context())
			check(t, err)
		}
	}}
}

func connectPubSub(t *testing.T, addr string) *gcppubsub.Client {
	t.Helper()
	c, err := gcppubsub.Connect(t.Context(), gcppubsub.ConnectConfig{Project: "project", Plaintext: addr})
	check(t, err)
	t.Cleanup(func() { check(t, c.Close()) })
	return c
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// oracle knows what must become of every message: "good-n" is done, "poison-n"
// is held after three failures, nothing else is.
type oracle struct {
	mu    sync.Mutex
	done  map[string]int
	runs  map[string]int
	ended chan struct{} // a token for each first end of a message
	takes time.Duration // of a message that is named "good-long-n"
	tick  time.Duration // of snapshots, zero for the default
	old   atomic.Int64  // looks at what runs that found something older than a tick
}

func newOracle() *oracle {
	return &oracle{done: map[string]int{}, runs: map[string]int{}, ended: make(chan struct{}, 100_000)}
}

// Handle implements [handlers.Handler].
func (o *oracle) Handle(_ context.Context, m handlers.Message) error {
	name := string(m.Data)
	if strings.HasPrefix(name, "good-long") {
		<-time.After(o.takes)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.runs[name]++
	if name[:4] == "good" {
		if o.done[name]++; o.done[name] == 1 {
			o.ended <- struct{}{}
		}
		return nil
	}
	return errors.New("poison fails always")
}

// run starts a worker over e and returns how to stop it.
func (o *oracle) run(t *testing.T, e engine) (service *quarantine.Service, stop func()) {
	t.Helper()
	var roster consumer.Roster
	service, err := quarantine.New(e.store, quarantine.Config{
		SpoolDir: t.TempDir(), PollEvery: 50 * time.Millisecond, WriteTimeout: 2 * time.Second,
		SnapshotEvery: o.tick,
		Running: func(olderThan time.Time) []handlers.Running {
			all := roster.Running(olderThan)
			if len(all) > 0 {
				o.old.Add(1)
			}
			for _, r := range all {
				if r.Started.After(olderThan) {
					t.Errorf("%s is younger than what was asked for", r.MessageID)
				}
			}
			return all
		},
		Worker: quarantine.Worker{Name: "w", Host: "h", Subscriptions: []string{subscription}},
	})
	check(t, err)
	c, err := consumer.New(e.source, consumer.Subscription{Name: subscription, Handler: o, Policy: consumer.Policy{
		MaxFailures: 3, Backoff: consumer.Backoff{Initial: 20 * time.Millisecond, Max: 200 * time.Millisecond},
	}}, consumer.Config{Quarantine: service, Roster: &roster, DrainTimeout: 5 * time.Second, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	check(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var group runner.Group
	group.Go(func() {
		if err := runner.Run(ctx, service.Run, func(ctx context.Context) error {
			<-service.Ready()
			return c.Run(ctx)
		}); err != nil {
			t.Error(err)
		}
	})
	return service, func() { cancel(); group.Wait() }
}

// await waits until n more good messages are done for the first time.
func (o *oracle) await(t *testing.T, n int) {
	t.Helper()
	late := time.After(patience)
	for i := range n {
		select {
		case <-o.ended:
		case <-late:
			t.Fatalf("only %d of %d good messages are done", i, n)
		}
	}
}

// TestLinksBreak_NothingIsLostAndNobodyIsCharged breaks each link in each way
// while messages flow.
func TestLinksBreak_NothingIsLostAndNobodyIsCharged(t *testing.T) {
	t.Parallel()
	broken := []struct {
		name string
		open func(*testing.T) engine
		link func(engine) *link
	}{
		{"jetstream", embeddedEngine, func(e engine) *link { return e.broker }},
		{"pubsub", distributedEngine, func(e engine) *link { return e.broker }},
		{"postgres", distributedEngine, func(e engine) *link { return e.storeAt }},
	}
	faults := map[string]func(l *link, while func()){
		"reset":      func(l *link, while func()) { l.cut(); while(); l.restore() },
		"black hole": func(l *link, while func()) { remove := l.toxic("timeout", `{"timeout":0}`); while(); remove() },
		"slow": func(l *link, while func()) {
			remove := l.toxic("latency", `{"latency":200,"jitter":100}`)
			while()
			remove()
		},
		"cut short": func(l *link, while func()) { remove := l.toxic("limit_data", `{"bytes":3000}`); while(); remove() },
	}
	for _, b := range broken {
		for name, fault := range faults {
			t.Run(b.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				e := b.open(t)
				breakLink(t, e, func(while func()) { fault(b.link(e), while) })
			})
		}
	}
}

func breakLink(t *testing.T, e engine, fault func(while func())) {
	t.Helper()
	o := newOracle()
	service, stop := o.run(t, e)
	name := func(part string) func(int) string {
		return func(i int) string {
			if i%50 == 7 {
				return fmt.Sprintf("poison-%s-%d", part, i)
			}
			return fmt.Sprintf("good-%s-%d", part, i)
		}
	}
	e.publish(t, 150, name("before"))
	<-o.ended
	fault(func() {
		e.publish(t, 150, name("during"))
		<-time.After(1500 * time.Millisecond) // how long the link stays broken
	})
	e.publish(t, 150, name("after"))
	const good, poison = 3 * 147, 3 * 3
	o.await(t, good-1)
	held := awaitHeld(t, service, poison)
	stop()
	for _, e := range held {
		if e.Totals.Failures < 3 || e.Title == "" {
			t.Errorf("%s is held after %d failures: %s", e.Ref, e.Totals.Failures, e.Title)
		}
	}
	if len(o.done) != good {
		t.Errorf("%d good messages done, want %d", len(o.done), good)
	}
}

// awaitHeld waits until n entries are held, checks that they are the poison and
// nothing else, and returns them.
func awaitHeld(t *testing.T, service *quarantine.Service, n int) []quarantine.Entry {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		page, err := service.EntryList(t.Context(), quarantine.Query{Limit: 1000})
		if err == nil && len(page.Entries) >= n {
			for _, e := range page.Entries {
				full, err := service.EntryGet(t.Context(), quarantine.EntryKey{ID: e.ID}, quarantine.GetOptions{Payload: true})
				check(t, err)
				if string(full.Message.Data[:6]) != "poison" {
					t.Errorf("an innocent is held: %s", full.Message.Data)
				}
			}
			if len(page.Entries) != n {
				t.Errorf("%d entries, want %d", len(page.Entries), n)
			}
			return page.Entries
		}
		if time.Now().After(deadline) {
			t.Fatalf("held %d of %d (%v)", len(page.Entries), n, err)
		}
		<-time.After(20 * time.Millisecond)
	}
}
