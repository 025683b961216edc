package quarantine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func double(batch []*job[int, int]) {
	for _, j := range batch {
		j.settle(2*j.in, nil)
	}
}

func newDoubler(max int, flush func(ctx context.Context, batch []*job[int, int])) *combiner[int, int] {
	return &combiner[int, int]{max: max, size: func(int) int { return 1 }, flush: flush}
}

func TestCombiner_GathersWhileItWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		var writing atomic.Int32
		c := newDoubler(40, func(_ context.Context, batch []*job[int, int]) {
			if writing.Add(1) != 1 {
				t.Error("two batches are written at once")
			}
			<-time.After(time.Second)
			sizes = append(sizes, len(batch))
			double(batch)
			writing.Add(-1)
		})
		var wg sync.WaitGroup
		start := time.Now()
		for i := range 101 {
			wg.Go(func() {
				if got, err := c.do(t.Context(), i); got != 2*i || err != nil {
					t.Errorf("do(%d) = %d, %v", i, got, err)
				}
			})
			if i == 0 {
				synctest.Wait() // the first caller waits for nobody
			}
		}
		wg.Wait()
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("took %s for batches of %v, want 4s: 1, 40, 40, 20", took, sizes)
		}
	})
}

func TestCombiner_BoundsTheBytesOfABatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		c := &combiner[int, int]{max: 100, size: func(n int) int { return n }, flush: func(_ context.Context, batch []*job[int, int]) {
			<-time.After(time.Second)
			sizes = append(sizes, len(batch))
			double(batch)
		}}
		var wg sync.WaitGroup
		for _, n := range []int{1, batchBytes, batchBytes * 2, batchBytes / 2, batchBytes / 2, 1} {
			wg.Go(func() { _, _ = c.do(t.Context(), n) })
			synctest.Wait()
		}
		wg.Wait()
		want := []int{1, 1, 1, 2, 1}
		if len(sizes) != len(want) {
			t.Fatalf("batches of %v, want %v", sizes, want)
		}
		for i := range want {
			if sizes[i] != want[i] {
				t.Fatalf("batches of %v, want %v", sizes, want)
			}
		}
	})
}

func TestCombiner_LeaderIsCancelled_TheOthersAreWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newDoubler(10, func(ctx context.Context, batch []*job[int, int]) {
			<-time.After(time.Second)
			if ctx.Err() != nil {
				t.Error("the batch's context ended with its leader's")
			}
			double(batch)
		})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { // leads; learns its result, as it was written
			if got, err := c.do(ctx, 1); got != 2 || err != nil {
				t.Errorf("leader: %d, %v", got, err)
			}
		})
		synctest.Wait()
		wg.Go(func() { // the head of the queue: leaves it
			if _, err := c.do(ctx, 2); !errors.Is(err, context.Canceled) {
				t.Errorf("head: %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() { // behind it
			if got, err := c.do(t.Context(), 3); got != 6 || err != nil {
				t.Errorf("behind: %d, %v", got, err)
			}
		})
		synctest.Wait()
		cancel()
		wg.Wait()
		if _, err := c.do(ctx, 4); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled caller was taken: %v", err)
		}
	})
}

func TestCombiner_FlushPanics_NobodyIsToldItWasWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := true
		c := newDoubler(10, func(_ context.Context, batch []*job[int, int]) {
			<-time.After(time.Second)
			if first {
				first = false
				panic("hostile")
			}
			double(batch)
		})
		var wg sync.WaitGroup
		wg.Go(func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic did not reach the leader")
				}
			}()
			_, _ = c.do(t.Context(), 1)
		})
		synctest.Wait()
		wg.Go(func() {
			if got, err := c.do(t.Context(), 2); got != 4 || err != nil {
				t.Errorf("the next: %d, %v", got, err)
			}
		})
		wg.Wait()

		silent := newDoubler(10, func(context.Context, []*job[int, int]) {})
		if _, err := silent.do(t.Context(), 1); !errors.Is(err, ErrUnavailable) {
			t.Errorf("a flush that settles nothing: %v, want ErrUnavailable", err)
		}
	})
}

// TestCombiner_Storm lets callers come, go and be cancelled at random moments.
func TestCombiner_Storm(t *testing.T) {
	t.Parallel()
	var written atomic.Int64
	c := newDoubler(7, func(_ context.Context, batch []*job[int, int]) {
		written.Add(int64(len(batch)))
		double(batch)
	})
	var wg sync.WaitGroup
	var done atomic.Int64
	for i := range 64 {
		wg.Go(func() {
			for n := range 200 {
				ctx, cancel := context.WithCancel(t.Context())
				if (n+i)%3 == 0 {
					wg.Go(cancel)
				}
				got, err := c.do(ctx, n)
				switch {
				case err == nil && got == 2*n:
					done.Add(1)
				case !errors.Is(err, context.Canceled):
					t.Errorf("do(%d) = %d, %v", n, got, err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if done.Load() > written.Load() || len(c.queue) != 0 || c.led {
		t.Errorf("done %d, written %d, queued %d, led %t", done.Load(), written.Load(), len(c.queue), c.led)
	}
}
