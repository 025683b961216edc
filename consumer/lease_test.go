package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/handlers"
)

// leasing is a source that knows its lease.
type leasing struct {
	*consumertest.Source
	lease time.Duration
	err   error
}

func (l leasing) Lease(context.Context) (time.Duration, error) { return l.lease, l.err }

// mourning is a quarantine that names the dead.
type mourning struct {
	*consumertest.Recorder
	within time.Duration
}

func (m mourning) NamesTheDeadWithin() time.Duration { return m.within }

// TestLease_TooShort: what a dead machine was running must not come to others before they know of it.
func TestLease_TooShort(t *testing.T) {
	t.Parallel()
	const tooShort, unknown = "the lease is too short", "cannot ask how long the broker waits"
	for name, tc := range map[string]struct {
		lease, within time.Duration
		err           error
		want          string
	}{
		"longer":                {lease: 10 * time.Second, within: 5 * time.Second},
		"as long":               {lease: 5 * time.Second, within: 5 * time.Second, want: tooShort},
		"shorter":               {lease: time.Second, within: 5 * time.Second, want: tooShort},
		"nobody names the dead": {lease: time.Second},
		"not known":             {within: 5 * time.Second, err: errors.New("no broker"), want: unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var said bytes.Buffer
				source := leasing{consumertest.NewSource(consumertest.Script{}), tc.lease, tc.err}
				c, err := consumer.New(source, consumer.Subscription{
					Name: "orders", Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error { return nil }),
				}, consumer.Config{
					Quarantine: mourning{consumertest.NewRecorder(), tc.within}, Logger: slog.New(slog.NewTextHandler(&said, nil)),
				})
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
				synctest.Wait()
				cancel()
				running.Wait()
				for _, text := range []string{tooShort, unknown} {
					if got := strings.Contains(said.String(), text); got != (text == tc.want) {
						t.Errorf("%q said: %t, want %t", text, got, text == tc.want)
					}
				}
			})
		})
	}
}
