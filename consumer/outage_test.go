package consumer_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/handlers"
)

// TestOutage_QuarantinesNobody: for an hour everything fails, permanently at
// that; then it works again. No message may be held for it.
func TestOutage_QuarantinesNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		sub := consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error {
			if down.Load() {
				return errors.New("downstream is gone")
			}
			return nil
		})}
		r := start(t, consumertest.Script{}, sub, consumer.Config{})
		down.Store(true)
		r.src.Publish(make([]handlers.Message, 300)...)
		<-time.After(time.Hour)
		if n := len(r.rec.Held()); n != 0 {
			t.Errorf("%d innocents held during the outage", n)
		}
		if n := r.rec.Calls().RecordAttempt; n > 4*256 {
			t.Errorf("%d failures charged: the breaker came late", n)
		}
		down.Store(false)
		<-r.src.Quiet()
		if n := len(r.rec.Held()); n != 0 {
			t.Errorf("%d innocents held after the outage", n)
		}
		r.cancel()
	})
}

// TestPoisonAmongGood_IsHeldWhileOthersGoOn: the breaker must not mistake a few
// poison messages for an outage.
func TestPoisonAmongGood_IsHeldWhileOthersGoOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sub := consumer.Subscription{Name: "orders", Policy: policy(), Handler: handlers.HandlerFunc(func(_ context.Context, m handlers.Message) error {
			if string(m.Data) == "poison" {
				panic("poison")
			}
			return nil
		})}
		rec := consumertest.NewRecorder()
		msgs := make([]handlers.Message, 1000)
		for i := range msgs {
			if i%100 == 99 {
				msgs[i].Data = []byte("poison")
			}
		}
		results := consumertest.Run(t, sub, rec, msgs...)
		if n := len(rec.Held()); n != 10 {
			t.Errorf("held %d, want the 10 poison ones", n)
		}
		for i, res := range results {
			poison := i%100 == 99
			if verb := res.Last().Decision.Verb; (verb == consumer.VerbQuarantine) != poison {
				t.Errorf("message %d ended in %s", i, verb)
			}
		}
	})
}

// TestOpenBreaker_PoisonDoesNotTakeTheProbes: when poison alone opened the
// breaker, the next good message closes it, and all ends as it should.
func TestOpenBreaker_PoisonDoesNotTakeTheProbes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var good atomic.Int64
		sub := consumer.Subscription{Name: "orders", Policy: policy(), Handler: handlers.HandlerFunc(func(_ context.Context, m handlers.Message) error {
			if string(m.Data) == "poison" {
				return errors.New("poison")
			}
			good.Add(1)
			return nil
		})}
		r := start(t, consumertest.Script{}, sub, consumer.Config{})
		poison := make([]handlers.Message, 20)
		for i := range poison {
			poison[i].Data = []byte("poison")
		}
		r.src.Publish(poison...)
		<-time.After(time.Minute)
		r.src.Publish(make([]handlers.Message, 100)...)
		<-time.After(15 * time.Second)
		if good.Load() == 0 {
			t.Error("poison took every probe")
		}
		<-r.src.Quiet()
		if n := len(r.rec.Held()); n != 20 || good.Load() != 100 {
			t.Errorf("%d held, %d good messages done", n, good.Load())
		}
		r.cancel()
	})
}

func TestNoExactDelay_EarlyReturnsWaitAndAreNoAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs []time.Time
		sub := consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error {
			runs = append(runs, time.Now())
			if len(runs) == 1 {
				return handlers.RetryAfter(errors.New("busy"), time.Minute)
			}
			return nil
		})}
		r := start(t, consumertest.Script{Abilities: &consumer.Abilities{Engine: "scripted"}}, sub, consumer.Config{})
		r.src.Publish(handlers.Message{ID: "m"})
		<-r.src.Quiet()
		if len(runs) != 2 || runs[1].Sub(runs[0]) < time.Minute {
			t.Errorf("runs at %v", runs)
		}
		r.cancel()
	})
}

func TestSourceFails_RunReturnsItsError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("no such subscription")
		r := start(t, consumertest.Script{}, consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error { return nil })}, consumer.Config{})
		r.src.Publish(handlers.Message{})
		<-r.src.Quiet()
		r.src.Fail(gone)
		if err := <-r.ended; !errors.Is(err, gone) {
			t.Errorf("Run returned %v", err)
		}
	})
}

func TestRunTwice_IsRefused(t *testing.T) {
	t.Parallel()
	c, err := consumer.New(consumertest.NewSource(consumertest.Script{}), consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error { return nil })}, consumer.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := c.Run(ctx); !errors.Is(err, consumer.ErrRunning) {
		t.Errorf("second Run: %v", err)
	}
}
