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
	deadline time.Time

	mu    sync.Mutex
	done  chan struct{}
	err   error
	after map[*byte]func()
}

// Deadline returns when the attempt's time is up.
func (c *attemptContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Value asks the parent.
func (c *attemptContext) Value(key any) any { return c.parent.Value(key) }

// Err returns nil, context.Canceled or context.DeadlineExceeded.
func (c *attemptContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Done returns a channel that is closed when the attempt is over or out of time.
func (c *attemptContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		}
	}
	return c.done
}

// AfterFunc arranges for f to be called once the context is done, unless the
// returned function is called first. f must be quick and is called on the
// goroutine that ends the attempt; the context package passes such functions,
// and starts a goroutine where a user's function is to run.
func (c *attemptContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		// Never on this goroutine: the caller may hold a lock that f takes.
		t := time.AfterFunc(0, f)
		return t.Stop
	}
	if c.after == nil {
		c.after = make(map[*byte]func())
	}
	key := new(byte)
	c.after[key] = f
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, waiting := c.after[key]
		delete(c.after, key)
		return waiting
	}
}

// end makes the context done. Only the first call counts.
func (c *attemptContext) end(err error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	after := c.after
	c.after = nil
	if c.done != nil {
		close(c.done)
	}
	c.mu.Unlock()
	for _, f := range after {
		f()
	}
}
