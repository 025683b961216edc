package consumer_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
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
		var begun atomic.Int64
		c, err := consumer.New(src, consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(
			func(context.Context, handlers.Message) error { <-release; return nil })}, consumer.Config{
			Begin: func(_ context.Context, sub string, m *handlers.Message) error {
				if sub == "orders" && m.ID != "" {
					begun.Add(1)
				}
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
		want := handlers.Running{Subscription: "orders", MessageID: "old", PublishedAt: published, Started: published}
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
		if n := begun.Load(); n != 2 {
			t.Errorf("%d were announced", n)
		}
	})
}

// TestRunning_TellsOfWhatIsAnnounced: a snapshot that is written between a Begin and
// its handler, for another message, must not lose what began.
func TestRunning_TellsOfWhatIsAnnounced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var roster consumer.Roster
		told := func(id string, since time.Time) bool {
			return slices.ContainsFunc(roster.Running(time.Now().Add(time.Millisecond)), func(r handlers.Running) bool {
				return r.MessageID == id && r.Subscription == "orders" && r.Started.Equal(since)
			})
		}
		src := consumertest.NewSource(consumertest.Script{})
		announced := map[string]time.Time{}
		c, err := consumer.New(src, consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(
			func(_ context.Context, m handlers.Message) error {
				if !told(m.ID, announced[m.ID]) {
					t.Errorf("%s runs, and is told of otherwise than before", m.ID)
				}
				<-time.After(time.Second)
				return nil
			})}, consumer.Config{
			MaxRunning: 1, Roster: &roster, Begin: func(_ context.Context, _ string, m *handlers.Message) error {
				announced[m.ID] = time.Now()
				<-time.After(time.Second) // another snapshot is written now
				if !told(m.ID, announced[m.ID]) {
					t.Errorf("%s was announced, and is not told of", m.ID)
				}
				return nil
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
		src.Publish(handlers.Message{ID: "a"}, handlers.Message{ID: "b"})
		<-src.Quiet()
		if got := roster.Running(time.Now().Add(time.Hour)); len(got) != 0 || len(announced) != 2 {
			t.Errorf("%+v run on, %d were announced", got, len(announced))
		}
		cancel()
		running.Wait()
	})
}
