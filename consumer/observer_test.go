package consumer_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/handlers"
)

// blind is an observer that makes no context.
type blind struct{ settled chan context.Context }

func (blind) AttemptStarted(context.Context, string, handlers.Message) context.Context { return nil }

func (b blind) AttemptSettled(ctx context.Context, _ consumer.Settled) { b.settled <- ctx }

// TestObserverWithoutAContext_TheHandlerKeepsItsOwn: no message is charged for it.
func TestObserverWithoutAContext_TheHandlerKeepsItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		by := blind{make(chan context.Context, 10)}
		sub := consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(func(ctx context.Context, _ handlers.Message) error {
			return ctx.Err()
		})}
		r := start(t, consumertest.Script{}, sub, consumer.Config{Observer: by})
		r.src.Publish(handlers.Message{ID: "m"})
		select {
		case <-r.src.Quiet():
		case <-time.After(time.Second):
			t.Error("the message is not done")
		}
		if n := r.rec.Calls().RecordAttempt; n != 0 {
			t.Errorf("%d failures charged", n)
		}
		if ctx := <-by.settled; ctx == nil {
			t.Error("the observer is told with a nil context")
		}
	})
}
