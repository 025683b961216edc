package consumertest_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/handlers"
)

// receive runs a source with deliver until its messages are done.
func receive(t *testing.T, src *consumertest.Source, deliver func(*consumer.Delivery)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := src.Receive(ctx, consumer.Limits{MaxOutstanding: 10, DrainTimeout: time.Minute}, deliver); err != nil {
			t.Error(err)
		}
	})
	<-src.Quiet()
	cancel()
	wg.Wait()
}

func TestSource_KeepsDelaysAndCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src := consumertest.NewSource(consumertest.Script{})
		src.Publish(handlers.Message{ID: "m"})
		begin := time.Now()
		var at []time.Duration
		var counts []int
		receive(t, src, func(d *consumer.Delivery) {
			at = append(at, time.Since(begin))
			counts = append(counts, d.Message.DeliveryAttempt)
			if len(at) < 3 {
				_ = d.Settler.Nack(t.Context(), time.Minute)
				return
			}
			_ = d.Settler.Ack(t.Context())
		})
		if diff := cmp.Diff([]time.Duration{0, time.Minute, 2 * time.Minute}, at); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]int{1, 2, 3}, counts); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSource_SeesASecondSettling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src := consumertest.NewSource(consumertest.Script{})
		src.Publish(handlers.Message{ID: "m"})
		receive(t, src, func(d *consumer.Delivery) {
			_ = d.Settler.Ack(t.Context())
			_ = d.Settler.Ack(t.Context())
		})
		if n := len(src.Violations()); n != 1 {
			t.Errorf("%d violations, want the one", n)
		}
	})
}

func TestSource_ScriptsFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lost := errors.New("lost")
		first := func(_ handlers.Message, n int) error {
			if n == 1 {
				return lost
			}
			return nil
		}
		src := consumertest.NewSource(consumertest.Script{OnAck: first, OnNack: first})
		m := handlers.Message{ID: "m", PublishedAt: time.Now()}
		src.Publish(m)
		src.Redeliver(m) // a duplicate beside it
		var deliveries atomic.Int64
		receive(t, src, func(d *consumer.Delivery) {
			if deliveries.Add(1) == 2 {
				_ = d.Settler.Nack(t.Context(), 0)
				return
			}
			_ = d.Settler.Ack(t.Context())
		})
		var errs int
		for _, e := range src.Events() {
			if errors.Is(e.Err, lost) {
				errs++
			}
		}
		if deliveries.Load() < 4 || errs < 2 || src.Unsettled() != 0 {
			t.Errorf("%d deliveries, %d faults, %d unsettled", deliveries.Load(), errs, src.Unsettled())
		}
	})
}

func TestRun_ReturnsWhatBecameOfEach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		sub := consumer.Subscription{Name: "s", Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error {
			if calls++; calls == 1 {
				return errors.New("once")
			}
			return nil
		})}
		got := consumertest.Run(t, sub, nil, handlers.Message{ID: "m"})
		var outcomes []handlers.Outcome
		for _, s := range got[0].Attempts {
			outcomes = append(outcomes, s.Attempt.Outcome)
		}
		if diff := cmp.Diff([]handlers.Outcome{handlers.OutcomeFailed, handlers.OutcomeOK}, outcomes); diff != "" || got[0].ID != "m" {
			t.Errorf("%s: %s", got[0].ID, diff)
		}
		if got[0].Last().Decision.Verb != consumer.VerbAck || (consumertest.Result{}).Last().Ref != "" {
			t.Error("the last attempt is not the last")
		}
	})
}
