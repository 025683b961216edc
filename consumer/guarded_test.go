package consumer_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/handlers"
)

// panicking is a quarantine of which each method panics the first time.
type panicking struct {
	*consumertest.Recorder
	asked [6]atomic.Bool
}

func (p *panicking) once(method int) {
	if !p.asked[method].Swap(true) {
		panic("the quarantine has a bug")
	}
}

func (p *panicking) RecordAttempt(ctx context.Context, sub string, m handlers.Message, a handlers.Attempt) (handlers.Totals, error) {
	p.once(0)
	return p.Recorder.RecordAttempt(ctx, sub, m, a)
}

func (p *panicking) Quarantine(ctx context.Context, sub string, m handlers.Message, ev handlers.Evidence) (string, error) {
	p.once(1)
	return p.Recorder.Quarantine(ctx, sub, m, ev)
}

func (p *panicking) Standing(ctx context.Context, sub string, m *handlers.Message) (handlers.Standing, error) {
	p.once(2)
	return p.Recorder.Standing(ctx, sub, m)
}

func (p *panicking) NextReplay(ctx context.Context, sub string) (handlers.Replay, error) {
	p.once(3)
	return p.Recorder.NextReplay(ctx, sub)
}

func (p *panicking) FinishReplay(ctx context.Context, sub string, r handlers.Replay, a handlers.Attempt) error {
	p.once(4)
	return p.Recorder.FinishReplay(ctx, sub, r, a)
}

func (p *panicking) FollowControls(ctx context.Context, sub string, apply func(handlers.Controls) handlers.Obeyed) error {
	p.once(5)
	return p.Recorder.FollowControls(ctx, sub, apply)
}

// TestQuarantineThatPanics_IsOneThatFails: deliveries run on the broker client's
// goroutines, so a panic that is let through ends the process.
func TestQuarantineThatPanics_IsOneThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &panicking{Recorder: consumertest.NewRecorder()}
		src := consumertest.NewSource(consumertest.Script{})
		sub := consumer.Subscription{Name: "orders", Policy: policy(), Handler: handlers.HandlerFunc(
			func(context.Context, handlers.Message) error { return errors.New("no") })}
		c, err := consumer.New(src, sub, consumer.Config{Quarantine: q})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		var wg sync.WaitGroup
		wg.Go(func() { ended <- c.Run(ctx) })
		src.Publish(handlers.Message{ID: "m"})
		<-src.Quiet()
		if n := len(q.Held()); n != 1 {
			t.Fatalf("%d held, want the message", n)
		}
		q.Replay(q.Held()[0].Ref) // its end is lost: the claim goes with this process
		q.Replay(q.Held()[0].Ref)
		<-time.After(time.Minute)
		if n := len(q.Finished()); n != 1 {
			t.Errorf("%d replays ended, want the second", n)
		}
		cancel()
		wg.Wait()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for i := range q.asked {
			if !q.asked[i].Load() {
				t.Errorf("method %d was never asked", i)
			}
		}
	})
}
