package consumer

import (
	"context"
	"sync"
	"time"
)

// attemptContext is the context of one attempt. It exists because
// context.WithTimeout costs 1.2 us, four allocations, a runtime timer and a
// lock of its parent that all messages would share. Here the deadline is kept
// by the consumer's one watchdog, the channel is made only when somebody asks
// for it, and AfterFunc lets child contexts follow without a goroutine of their
// own (the context package looks for that method).
//
// It does not follow its parent's cancellation: the parent gives values only.
// Whoever owns the attempt ends it.
type attemptContext struct {
	parent   context.Context
	labels   *flightLabels // nil without, or where parent has them
	deadline time.Time

	mu      sync.Mutex
	waiting *waiting // nil until somebody asks
	ended   ending
}

// waiting is who wants to know of the end.
type waiting struct {
	done  chan struct{} // nil until somebody asks
	after map[*byte]func()
}

// ending is why a context is done.
type ending uint8

const (
	notEnded         ending = iota
	endedOver               // the attempt is over
	endedTimeout            // its time was up
	endedInterrupted        // the shutdown ended it
)

func (e ending) err() error {
	switch e {
	case notEnded:
		return nil
	case endedTimeout:
		return context.DeadlineExceeded
	default:
		return context.Canceled
	}
}

// Deadline returns when the attempt's time is up.
func (c *attemptContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Value asks the parent, but for the labels of goroutines.
func (c *attemptContext) Value(key any) any {
	if c.labels != nil && key == pprofLabelling.key {
		return pprofLabelling.of(c.labels)
	}
	return c.parent.Value(key)
}

// Err returns nil, context.Canceled or context.DeadlineExceeded.
func (c *attemptContext) Err() error { return c.ending().err() }

func (c *attemptContext) ending() ending {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// waitingLocked returns who waits, to be added to.
func (c *attemptContext) waitingLocked() *waiting {
	if c.waiting == nil {
		c.waiting = new(waiting)
	}
	return c.waiting
}

// Done returns a channel that is closed when the attempt is over or out of time.
func (c *attemptContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.waitingLocked()
	if w.done == nil {
		w.done = make(chan struct{})
		if c.ended != notEnded {
			close(w.done)
		}
	}
	return w.done
}

// AfterFunc arranges for f to be called once the context is done, unless the
// returned function is called first. f must be quick and is called on the
// goroutine that ends the attempt; the context package passes such functions,
// and starts a goroutine where a user's function is to run.
func (c *attemptContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != notEnded {
		// Never on this goroutine: the caller may hold a lock that f takes.
		t := time.AfterFunc(0, f)
		return t.Stop
	}
	w := c.waitingLocked()
	if w.after == nil {
		w.after = make(map[*byte]func())
	}
	key := new(byte)
	w.after[key] = f
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, waits := w.after[key]
		delete(w.after, key)
		return waits
	}
}

// end makes the context done. Only the first call counts.
func (c *attemptContext) end(why ending) {
	c.mu.Lock()
	if c.ended != notEnded {
		c.mu.Unlock()
		return
	}
	c.ended = why
	w := c.waiting
	if w == nil {
		c.mu.Unlock()
		return
	}
	after := w.after
	w.after = nil
	if w.done != nil {
		close(w.done)
	}
	c.mu.Unlock()
	for _, f := range after {
		f()
	}
}
