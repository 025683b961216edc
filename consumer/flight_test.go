package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"runtime/pprof"
	"sync"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
)

// table makes a table and opens it as a worker would.
func table(t *testing.T, slots int) (*inflight.Table, *inflight.Mapping) {
	t.Helper()
	guardians, err := inflight.Create(inflight.Config{Dir: t.TempDir(), Slots: slots, Incarnation: "worker-1"})
	if err != nil {
		t.Fatal(err)
	}
	workers, err := inflight.Open(guardians.File())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(workers.Close(), guardians.Close()); err != nil {
			t.Error(err)
		}
	})
	return guardians, workers
}

// runWithTable delivers messages until all are acknowledged.
func runWithTable(t *testing.T, workers *inflight.Mapping, src *consumertest.Source, h handlers.HandlerFunc) {
	t.Helper()
	runObserved(t, workers, src, nil, time.Minute, h)
}

func runObserved(t *testing.T, workers *inflight.Mapping, src *consumertest.Source, by consumer.Observer, timeout time.Duration, h handlers.HandlerFunc) {
	t.Helper()
	sub := consumer.Subscription{Name: "orders", Handler: h}
	sub.Policy.Timeout, sub.Policy.Grace = timeout, 10*time.Millisecond
	sub.Policy.Backoff.Initial = time.Millisecond
	sub.Policy.Breaker.Off = true // here most attempts fail
	c, err := consumer.New(src, sub, consumer.Config{Guard: tableGuard{table: workers}, Observer: by, MaxRunning: min(4, workers.Slots()), MaxOutstanding: 10})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running runner.Group
	running.Go(func() {
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	<-src.Quiet()
	cancel()
	running.Wait()
}

// It looks at all goroutines of this process, so no other test may run beside it.
func TestInFlight_NamesWhatRuns(t *testing.T) {
	guardians, workers := table(t, 4)
	src := consumertest.NewSource(consumertest.Script{})
	src.Publish(handlers.Message{ID: "m\x00-1", Data: []byte("p\xffayload"), Attributes: map[string]string{"kind": "order"}})
	var label string
	runWithTable(t, workers, src, func(ctx context.Context, m handlers.Message) error {
		// The context carries the name for whoever sets labels from it.
		label, _ = pprof.Label(ctx, consumer.FlightLabel)
		name, err := inflight.ParseName(label)
		if err != nil {
			t.Error(err)
		}
		got, live := guardians.Read().Live(name)
		if !live || got.ID != m.ID || got.Subscription != "orders" || got.Message == nil ||
			string(got.Message.Data) != string(m.Data) || got.Message.Attributes["kind"] != "order" || got.Deadline.IsZero() {
			t.Errorf("the table says %+v, %t", got, live)
		}
		// A goroutine that the handler starts inherits the name.
		var child runner.Group
		child.Go(func() {
			if !goroutineIsLabelled(label) {
				t.Error("no goroutine carries the label")
			}
		})
		child.Wait()
		return nil
	})
	after := guardians.Read()
	if len(after.Slots) != 0 || len(after.Past) != 1 || after.Past[0].ID != "m\x00-1" || after.Past[0].Name.String() != label {
		t.Errorf("afterwards the table says %+v", after)
	}
	// The child may be on its last instructions.
	for late := time.Now().Add(10 * time.Second); goroutineIsLabelled(label); runtime.Gosched() {
		if time.Now().After(late) {
			t.Fatal("a goroutine still carries the label of a message that is done")
		}
	}
}

// goroutineIsLabelled looks into the goroutine profile.
func goroutineIsLabelled(label string) bool {
	var profile bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&profile, 1)
	return bytes.Contains(profile.Bytes(), []byte(`"`+consumer.FlightLabel+`":"`+label+`"`))
}

func TestInFlight_EveryWayOutFreesTheSlot(t *testing.T) {
	t.Parallel()
	guardians, workers := table(t, 4)
	src := consumertest.NewSource(consumertest.Script{})
	ways := []string{"ok", "error", "panic", "goexit", "hang"}
	for range 4 {
		for _, w := range ways {
			src.Publish(handlers.Message{Attributes: map[string]string{"way": w}})
		}
	}
	release := make(chan struct{})
	defer close(release)
	var tried sync.Map
	runObserved(t, workers, src, nil, 50*time.Millisecond, func(_ context.Context, m handlers.Message) error {
		if _, again := tried.LoadOrStore(m.ID, true); again {
			return nil
		}
		switch m.Attributes["way"] {
		case "error":
			return errors.New("later")
		case "panic":
			panic("poison")
		case "goexit":
			runtime.Goexit()
		case "hang":
			<-release
		}
		return nil
	})
	if got := guardians.Read(); len(got.Slots) != 0 || got.Damage != "" || got.DamagedPast != 0 {
		t.Errorf("afterwards the table says %+v", got)
	}
}

func TestInFlight_TooSmallATableIsRefused(t *testing.T) {
	t.Parallel()
	_, workers := table(t, 4)
	sub := consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error { return nil })}
	_, err := consumer.New(consumertest.NewSource(consumertest.Script{}), sub, consumer.Config{Guard: tableGuard{table: workers}, MaxRunning: 5})
	if !errors.Is(err, inflight.ErrFull) {
		t.Errorf("New = %v, want ErrFull", err)
	}
}

// tableGuard is a guard that has a table and no wards.
type tableGuard struct {
	consumer.Guard
	table *inflight.Mapping
}

func (g tableGuard) InFlight() *inflight.Mapping { return g.table }

func (tableGuard) Suspects(string) consumer.Suspects { return consumer.Suspects{} }

func (tableGuard) RunAlone(context.Context, consumer.AloneRun) (consumer.AloneResult, error) {
	return consumer.AloneResult{}, consumer.ErrNoWard
}
