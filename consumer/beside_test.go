package consumer_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/handlers"
)

// diary notes what happened, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

// part runs until its context ends, or fails after a while.
func (d *diary) part(name string, fails time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		d.note(name + " begins")
		defer d.note(name + " ends")
		if fails == 0 {
			<-ctx.Done()
			return ctx.Err()
		}
		select {
		case <-time.After(fails):
			return errors.New(name + " failed")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// besideConsumer handles one message, which takes two seconds whatever its context says.
func besideConsumer(t *testing.T, d *diary) *consumer.Consumer {
	t.Helper()
	src := consumertest.NewSource(consumertest.Script{})
	src.Publish(handlers.Message{ID: "m"})
	c, err := consumer.New(src, consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(
		func(context.Context, handlers.Message) error {
			d.note("message begins")
			<-time.After(2 * time.Second)
			d.note("message ends")
			return nil
		})}, consumer.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRunBeside_KeepsTheOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		fails  time.Duration // of the part beside
		ready  time.Duration // when it is, never if negative
		stop   time.Duration
		diary  string
		errors string
	}{
		{"stopped", 0, time.Second, 2 * time.Second, "aside begins, began, message begins, message ends, aside ends", ""},
		{"never ready", 0, -1, time.Second, "aside begins, aside ends", ""},
		{"the part fails", 2 * time.Second, time.Second, time.Hour, "aside begins, began, message begins, aside ends, message ends", "aside failed"},
		{"the part fails before", time.Second, -1, time.Hour, "aside begins, aside ends", "aside failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := new(diary)
				ctx, cancel := context.WithTimeout(t.Context(), c.stop)
				defer cancel()
				ready := make(chan struct{})
				if c.ready >= 0 {
					defer time.AfterFunc(c.ready, func() { close(ready) }).Stop()
				}
				err := consumer.RunBeside(ctx, consumer.Beside{
					Run: []func(context.Context) error{d.part("aside", c.fails)}, Ready: ready, Began: func() { d.note("began") },
				}, besideConsumer(t, d))
				if got := strings.Join(d.lines, ", "); got != c.diary {
					t.Errorf("%s\nwant %s", got, c.diary)
				}
				if c.errors == "" && err != nil || c.errors != "" && (err == nil || err.Error() != c.errors) {
					t.Errorf("returned %v, want %q", err, c.errors)
				}
			})
		})
	}
}

func TestRunBeside_WithNothingBeside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := new(diary)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := consumer.RunBeside(ctx, consumer.Beside{}, besideConsumer(t, d)); err != nil || !slices.Contains(d.lines, "message ends") {
			t.Errorf("%v: %v", d.lines, err)
		}
	})
}
