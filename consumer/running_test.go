package consumer_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
)

func TestRunning_TellsWhatIsOldEnough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		src := consumertest.NewSource(consumertest.Script{})
		var begun []string
		c, err := consumer.New(src, consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(
			func(context.Context, handlers.Message) error { <-release; return nil })}, consumer.Config{
			Begin: func(_ context.Context, sub string, m *handlers.Message) error {
				begun = append(begun, sub+" "+m.ID)
				return errors.New("the store is away, and the message runs all the same")
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running runner.Group
		running.Go(func() {
			if err := c.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		published := time.Now()
		src.Publish(handlers.Message{ID: "old", PublishedAt: published})
		<-time.After(time.Second)
		src.Publish(handlers.Message{ID: "young"})
		synctest.Wait()
		want := consumer.Running{Subscription: "orders", MessageID: "old", PublishedAt: published, Started: published}
		if got := c.Running(time.Now().Add(-time.Millisecond)); len(got) != 1 || got[0] != want {
			t.Errorf("running %+v, want %+v", got, want)
		}
		if got := c.Running(time.Now().Add(time.Millisecond)); len(got) != 2 {
			t.Errorf("%d are running, want 2", len(got))
		}
		close(release)
		<-src.Quiet()
		if got := c.Running(time.Now().Add(time.Hour)); len(got) != 0 {
			t.Errorf("%+v run on", got)
		}
		cancel()
		running.Wait()
		if len(begun) != 2 || begun[0] != "orders old" {
			t.Errorf("begun %q", begun)
		}
	})
}
