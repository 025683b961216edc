package quarantine

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWithin(t *testing.T) {
	t.Parallel()
	own := errors.New("own")
	for name, tt := range map[string]struct {
		call func(ctx context.Context) (int, error)
		want func(n int, err error) bool
		took time.Duration
	}{
		"returns": {
			func(context.Context) (int, error) { return 7, nil },
			func(n int, err error) bool { return n == 7 && err == nil }, 0,
		},
		"fails": {
			func(context.Context) (int, error) { return 0, own },
			func(_ int, err error) bool { return errors.Is(err, own) && !errors.Is(err, ErrUnavailable) }, 0,
		},
		"is late and obeys": {
			func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() },
			func(_ int, err error) bool { return errors.Is(err, ErrUnavailable) }, time.Second,
		},
		"ends well at the last moment": {
			func(ctx context.Context) (int, error) { <-ctx.Done(); return 7, nil },
			func(n int, err error) bool { return n == 7 && err == nil }, time.Second,
		},
		"does not obey": {
			func(context.Context) (int, error) { <-time.After(time.Hour); return 7, nil },
			func(n int, err error) bool { return n == 0 && errors.Is(err, ErrUnavailable) }, 1260 * time.Millisecond,
		},
		"panics": {
			func(context.Context) (int, error) { panic("boom\x1b[2J") },
			func(_ int, err error) bool {
				p, ok := errors.AsType[*PanicError](err)
				return ok && p.Value == "boom?[2J" && strings.Contains(p.Stack, "TestWithin") && refusesData(err)
			}, 0,
		},
		"exits": {
			func(context.Context) (int, error) { runtime.Goexit(); return 7, nil },
			func(_ int, err error) bool { return refusesData(err) }, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				n, err := within(t.Context(), time.Second, "ask the store", tt.call)
				if took := time.Since(begin); !tt.want(n, err) || took != tt.took {
					t.Errorf("%d, %v after %s, want %s", n, err, took, tt.took)
				}
				<-time.After(2 * time.Hour) // the call that was left behind ends too
			})
		})
	}
}

// TestWithin_CallerGivesUp: the end of the caller's own context is no verdict on
// the store.
func TestWithin_CallerGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := within(ctx, time.Second, "ask the store", func(ctx context.Context) (int, error) {
			<-time.After(time.Hour)
			return 7, nil
		})
		if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) {
			t.Errorf("%v, want only Canceled", err)
		}
		<-time.After(2 * time.Hour)
	})
}
