package webkit_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/theriac/theriac/internal/webkit"
)

func TestLimiter(t *testing.T) {
	t.Parallel()
	l := webkit.Limiter{Burst: 3, Every: time.Second}
	now := time.Unix(1_800_000_000, 0)
	take := func(caller string, want bool, wantWait time.Duration) {
		t.Helper()
		if wait, ok := l.Allow(caller, now); ok != want || wait != wantWait {
			t.Errorf("%s: %v, %t; want %v, %t", caller, wait, ok, wantWait, want)
		}
	}
	for range 3 {
		take("a", true, 0)
	}
	take("a", false, time.Second)
	take("b", true, 0)
	now = now.Add(600 * time.Millisecond)
	take("a", false, 400*time.Millisecond)
	now = now.Add(400 * time.Millisecond)
	take("a", true, 0)
	take("a", false, time.Second)
	now = now.Add(time.Hour)
	for range 3 {
		take("a", true, 0)
	}
	take("a", false, time.Second)
}

// TestLimiter_ManyCallers: callers that were never seen before go on being let in, each once.
func TestLimiter_ManyCallers(t *testing.T) {
	t.Parallel()
	l := webkit.Limiter{Burst: 1, Every: time.Hour}
	now := time.Unix(1_800_000_000, 0)
	for n := range 25_000 {
		if _, ok := l.Allow(strconv.Itoa(n), now); !ok {
			t.Fatalf("caller %d is turned away at its first request", n)
		}
	}
	if _, ok := l.Allow("24999", now); ok {
		t.Error("the last caller is let in twice")
	}
}
