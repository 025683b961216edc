package consumer

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/handlers"
)

func testBreaker() *breaker {
	p := Policy{}.WithDefaults()
	return newBreaker(p, 8, slog.New(slog.DiscardHandler))
}

func fail(b *breaker, ids ...string) {
	for _, id := range ids {
		b.hear(nil, 0, id, handlers.OutcomeFailed)
	}
}

func distinct(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprint("m", i))
	}
	return ids
}

func TestBreaker_OpensOnCorrelatedFailuresOnly(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		feed func(b *breaker)
		open bool
	}{
		{"nothing", func(*breaker) {}, false},
		{"one message that fails often", func(b *breaker) {
			for range 1000 {
				fail(b, "m")
			}
		}, false},
		{"four messages", func(b *breaker) { fail(b, distinct(4)...) }, false},
		{"five messages", func(b *breaker) { fail(b, distinct(5)...) }, true},
		{"five of a hundred", func(b *breaker) {
			for range 95 {
				b.hear(nil, 3, "good", handlers.OutcomeOK)
			}
			fail(b, distinct(5)...)
		}, false},
		{"half of all", func(b *breaker) {
			for range 6 {
				b.hear(nil, 3, "good", handlers.OutcomeOK)
			}
			fail(b, distinct(6)...)
		}, true},
		{"six messages that fail often among a hundred", func(b *breaker) {
			for range 100 {
				b.hear(nil, 3, "good", handlers.OutcomeOK)
			}
			for range 1000 {
				fail(b, distinct(6)...)
			}
		}, false},
		{"deferred and interrupted", func(b *breaker) {
			for _, id := range distinct(50) {
				b.hear(nil, 0, id, handlers.OutcomeDeferred)
				b.hear(nil, 0, id, handlers.OutcomeInterrupted)
			}
		}, false},
		{"successes long ago do not count", func(b *breaker) {
			for range 1000 {
				b.hear(nil, 3, "good", handlers.OutcomeOK)
			}
			for range 31 {
				b.stats.sample()
			}
			fail(b, distinct(5)...)
		}, true},
		{"successes a moment ago do", func(b *breaker) {
			for range 29 {
				b.stats.sample()
			}
			for range 1000 {
				b.hear(nil, 3, "good", handlers.OutcomeOK)
			}
			b.stats.sample()
			fail(b, distinct(5)...)
		}, false},
		{"failures that are long past", func(b *breaker) {
			fail(b, distinct(4)...)
			<-time.After(31 * time.Second)
			fail(b, "m5")
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := testBreaker()
				tt.feed(b)
				if b.isOpen() != tt.open {
					t.Errorf("open %t, want %t", b.isOpen(), tt.open)
				}
			})
		})
	}
}

func TestBreaker_Off(t *testing.T) {
	t.Parallel()
	p := Policy{}.WithDefaults()
	p.Breaker.Off = true
	b := newBreaker(p, 8, slog.New(slog.DiscardHandler))
	fail(b, distinct(100)...)
	if b.isOpen() {
		t.Error("it is off and opened")
	}
}

func TestBreaker_OneProbeAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := testBreaker()
		fail(b, distinct(5)...)
		opened := time.Now()

		var probes, through atomic.Int64
		var wg sync.WaitGroup
		release := make(chan handlers.Outcome)
		for range 50 {
			wg.Go(func() {
				p, ok := b.enter(nil, false)
				if !ok {
					t.Error("stopped without a stop")
				}
				if p == nil {
					through.Add(1)
					return
				}
				probes.Add(1)
				b.hear(p, 0, "probe", <-release)
			})
		}
		for i, outcome := range []handlers.Outcome{handlers.OutcomeFailed, handlers.OutcomeDeferred, handlers.OutcomeFailed, handlers.OutcomeOK} {
			<-time.After(15 * time.Second)
			if probes.Load() != int64(i+1) || through.Load() != 0 {
				t.Fatalf("after %v: %d probes, %d let through", time.Since(opened), probes.Load(), through.Load())
			}
			release <- outcome
		}
		wg.Wait()
		if probes.Load() != 4 || through.Load() != 46 || b.isOpen() {
			t.Errorf("%d probes, %d let through, open %t", probes.Load(), through.Load(), b.isOpen())
		}
		fail(b, distinct(4)...)
		if b.isOpen() {
			t.Error("the failures of the outage still count")
		}
	})
}

func TestBreaker_StopEndsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := testBreaker()
		fail(b, distinct(5)...)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if _, ok := b.enter(stop, false); ok {
					t.Error("let through while open")
				}
			})
		}
		synctest.Wait()
		close(stop)
		wg.Wait()
	})
}
