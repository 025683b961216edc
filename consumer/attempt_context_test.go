package consumer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type valueKey struct{}

func newTestContext() *attemptContext {
	return &attemptContext{
		parent:   context.WithValue(context.Background(), valueKey{}, "v"),
		deadline: time.Now().Add(time.Hour),
	}
}

func TestAttemptContext_EndsOnce(t *testing.T) {
	t.Parallel()
	c := newTestContext()
	if c.Err() != nil || c.Value(valueKey{}) != "v" {
		t.Fatalf("fresh: %v, %v", c.Err(), c.Value(valueKey{}))
	}
	if d, ok := c.Deadline(); !ok || d != c.deadline {
		t.Errorf("deadline %v, %t", d, ok)
	}
	done := c.Done()
	c.end(endedTimeout)
	c.end(endedOver)
	<-done
	if !errors.Is(c.Err(), context.DeadlineExceeded) || !errors.Is(context.Cause(c), context.DeadlineExceeded) {
		t.Errorf("ended with %v", c.Err())
	}
	late := newTestContext()
	late.end(endedOver)
	<-late.Done() // asked for after the end
}

func TestAttemptContext_ChildrenFollow(t *testing.T) {
	t.Parallel()
	c := newTestContext()
	child, cancel := context.WithCancel(c)
	defer cancel()
	timed, cancelTimed := context.WithTimeout(child, time.Hour)
	defer cancelTimed()
	gone, cancelGone := context.WithCancel(c)
	cancelGone()
	if n := len(c.waiting.after); n != 1 {
		t.Errorf("%d children wait, want the one that lives", n)
	}
	if gone.Err() == nil || child.Err() != nil {
		t.Error("the wrong child ended")
	}
	c.end(endedTimeout)
	<-timed.Done()
	if !errors.Is(child.Err(), context.DeadlineExceeded) {
		t.Errorf("child ended with %v", child.Err())
	}
}

func TestAttemptContext_AfterFunc(t *testing.T) {
	t.Parallel()
	c := newTestContext()
	var ran atomic.Int64
	called := make(chan struct{})
	context.AfterFunc(c, func() { ran.Add(1); close(called) })
	stop := context.AfterFunc(c, func() { ran.Add(100) })
	if !stop() {
		t.Error("stop came too late")
	}
	c.end(endedOver)
	<-called
	if ran.Load() != 1 {
		t.Errorf("ran %d", ran.Load())
	}
	late := make(chan struct{})
	context.AfterFunc(c, func() { close(late) })
	<-late
}

// TestAttemptContext_Races has many goroutines do all of it at once.
func TestAttemptContext_Races(t *testing.T) {
	t.Parallel()
	for range 300 {
		c := newTestContext()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				child, cancel := context.WithCancel(c)
				defer cancel()
				<-child.Done()
			})
			wg.Go(func() {
				_, cancel := context.WithTimeout(c, time.Hour)
				cancel()
			})
			wg.Go(func() { <-c.Done() })
		}
		wg.Go(func() { c.end(endedOver) })
		wg.Wait()
	}
}
