package quarantine

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// combiner turns concurrent calls into batches without a goroutine of its own:
// callers queue, the caller at the head of the queue writes one batch for
// itself and those behind it, and then hands the lead to the next head. While
// it writes, the next batch gathers by itself, so a lone caller waits for
// nobody and many callers share a transaction.
type combiner[T, R any] struct {
	max   int         // records in one batch
	size  func(T) int // bytes of one record; a batch stays below batchBytes
	flush func(ctx context.Context, batch []*job[T, R])

	mu    sync.Mutex
	queue []*job[T, R]
	led   bool // somebody writes, or was told to
}

// batchBytes bounds the bytes of a batch of more than one record, so that large
// payloads neither fill the memory nor outlast the deadline of a write.
const batchBytes = 8 << 20

// errUnwritten is the result of a job until flush gives it another: a batch
// whose flush panics must not look written.
var errUnwritten = fmt.Errorf("the batch was not written: %w", ErrUnavailable)

// job is one caller's part of a batch. flush ends it with settle.
type job[T, R any] struct {
	in  T
	out R
	err error

	lead chan struct{} // closed under the mutex: this caller leads now
	done chan struct{} // closed when out and err are set
}

func (j *job[T, R]) settle(out R, err error) { j.out, j.err = out, err }

// do has in written and returns its result. A caller whose ctx ends while it
// queues leaves the queue and nothing is written for it; once its batch is
// being written it learns ctx's error, and the write goes on without it.
func (c *combiner[T, R]) do(ctx context.Context, in T) (R, error) {
	j := &job[T, R]{in: in, err: errUnwritten, lead: make(chan struct{}), done: make(chan struct{})}
	if err := ctx.Err(); err != nil {
		return j.out, err
	}
	c.mu.Lock()
	c.queue = append(c.queue, j)
	if !c.led {
		c.passLeadLocked()
	}
	c.mu.Unlock()

	select {
	case <-j.lead:
		c.write(ctx)
		<-j.done // the head of the queue is in its own batch
		return j.out, j.err
	case <-j.done:
		return j.out, j.err
	case <-ctx.Done():
		c.leave(j)
		var none R
		return none, ctx.Err()
	}
}

// write takes one batch, writes it for all, and passes the lead on. The context
// of the leader must not decide over the others, so only its values are kept.
func (c *combiner[T, R]) write(ctx context.Context) {
	batch := c.take()
	defer func() { // also when flush panics or exits: nobody may wait forever
		for _, j := range batch {
			close(j.done)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.passLeadLocked()
	}()
	c.flush(context.WithoutCancel(ctx), batch)
}

// take removes the next batch from the queue: its head at least.
func (c *combiner[T, R]) take() []*job[T, R] {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, bytes := 0, 0
	for n < min(len(c.queue), c.max) {
		bytes += c.size(c.queue[n].in)
		if n > 0 && bytes > batchBytes {
			break
		}
		n++
	}
	batch := slices.Clone(c.queue[:n])
	c.queue = slices.Delete(c.queue, 0, n)
	return batch
}

// leave removes j from the queue, and hands on the lead if it was given to j in
// the meantime.
func (c *combiner[T, R]) leave(j *job[T, R]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.queue, j)
	if i < 0 {
		return // its batch is being written
	}
	c.queue = slices.Delete(c.queue, i, i+1)
	select {
	case <-j.lead:
		c.passLeadLocked()
	default:
	}
}

func (c *combiner[T, R]) passLeadLocked() {
	c.led = len(c.queue) > 0
	if c.led {
		close(c.queue[0].lead)
	}
}
