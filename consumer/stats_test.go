package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/handlers"
)

// keeping is a quarantine that wants to know of breakers.
type keeping struct {
	*consumertest.Recorder
	told []handlers.Breaker
}

func (k *keeping) BreakerChanged(sub string, b handlers.Breaker) {
	if sub == "orders" {
		k.told = append(k.told, b)
	}
}

// TestBreaker_IsTold when it opens, why, and when it closes.
func TestBreaker_IsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		away.Store(true)
		keeper := &keeping{Recorder: consumertest.NewRecorder()}
		source := consumertest.NewSource(consumertest.Script{})
		c, err := consumer.New(source, consumer.Subscription{
			Name: "orders", Policy: policy(),
			Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error {
				if away.Load() {
					return errors.New("the downstream is away")
				}
				return nil
			}),
		}, consumer.Config{Quarantine: keeper})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if err := c.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		for n := range 10 {
			source.Publish(handlers.Message{ID: fmt.Sprint("m-", n)})
		}
		<-time.After(time.Second)
		synctest.Wait()
		if len(keeper.told) != 1 || !keeper.told[0].Open() || keeper.told[0].Kills || keeper.told[0].Reason() != "failures spread over many different messages" {
			t.Errorf("told %+v, want that it opened", keeper.told)
		}
		away.Store(false)
		<-time.After(time.Hour)
		cancel()
		running.Wait()
		if len(keeper.told) != 2 || keeper.told[1] != (handlers.Breaker{}) {
			t.Errorf("told %+v, want that it opened and closed", keeper.told)
		}
	})
}

// TestStats_TellsWhatIsDone: running, waiting, delivered, recognised, and the breaker.
func TestStats_TellsWhatIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan error)
		sub := consumer.Subscription{
			Name: "orders", Criticality: consumer.NonCritical, Policy: policy(),
			Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error { return <-release }),
		}
		var roster consumer.Roster
		r := start(t, consumertest.Script{}, sub, consumer.Config{MaxRunning: 2, Roster: &roster})
		for n := range 5 {
			r.src.Publish(handlers.Message{ID: fmt.Sprint("m-", n)})
		}
		synctest.Wait()
		got := roster.Stats()
		want := consumer.Stats{
			Subscription: "orders", Criticality: consumer.NonCritical, Engine: "scripted",
			Running: 2, MaxRunning: 2, Outstanding: 5, Waiting: 3, Delivered: 5, Flow: handlers.FlowRunning,
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("stats %+v, want %+v", got, want)
		}
		opened := time.Now()
		for range 5 {
			release <- errors.New("the downstream is away")
		}
		synctest.Wait()
		if b := roster.Stats()[0].Breaker; !b.Open || b.Kills || b.Since.Before(opened) {
			t.Errorf("breaker %+v, want open since %v", b, opened)
		}
		close(release)
		<-time.After(time.Hour)
		synctest.Wait()
		if s := roster.Stats()[0]; s.Running != 0 || s.Outstanding != 0 || s.Waiting != 0 || s.Delivered < 5 || s.Breaker != (consumer.BreakerStats{}) {
			t.Errorf("at the end %+v", s)
		}
	})
}
