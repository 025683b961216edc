package natsjs

import (
	"context"
	"sync"
	"time"

	"github.com/theriac/theriac/consumer"
)

// held is everything that is in hand: how much, and whose lease was touched
// when. Its lock is held for some pointer moves, and while keep-alives of one
// round go into the client's buffer.
type held struct {
	limit usage

	mu      sync.Mutex
	now     usage
	waiting bool // the receiver waits for freed
	oldest  *lease
	newest  *lease

	freed chan struct{} // one token: something came free while waiting
}

func newHeld(lim consumer.Limits) *held {
	return &held{
		limit: usage{max(1, lim.MaxOutstanding), max(1, lim.MaxOutstandingBytes)},
		freed: make(chan struct{}, 1),
	}
}

// add takes l in, unless there is no place left.
func (h *held) add(l *lease, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now.count >= h.limit.count {
		return false
	}
	h.now.count++
	h.now.bytes += l.size
	h.appendLocked(l, now)
	return true
}

// remove ends what add began. After it l is neither counted nor kept alive.
func (h *held) remove(l *lease) {
	h.mu.Lock()
	h.unlinkLocked(l)
	h.now.count--
	h.now.bytes -= l.size
	wake := h.waiting
	h.waiting = false
	h.mu.Unlock()
	if wake {
		select {
		case h.freed <- struct{}{}:
		default:
		}
	}
}

// settled ends the keep-alive of l. When it returns, no keep-alive of l can
// follow: one that came after a delayed nack would undo the delay.
func (h *held) settled(l *lease) {
	h.mu.Lock()
	h.unlinkLocked(l)
	h.mu.Unlock()
}

// inUse returns what is in hand. With tell, freed will be told of the next
// removal.
func (h *held) inUse(tell bool) usage {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting = tell
	return h.now
}

// keepAlive touches leases until ctx ends, so that each is touched at least
// twice within lease.
func (h *held) keepAlive(ctx context.Context, lease time.Duration) {
	every := max(lease/4, time.Millisecond)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for h.touch(now, now.Add(-every)) {
			}
		}
	}
}

// touch extends some of the leases that were last touched before stale and
// reports whether there may be more. It takes few at a time so that nobody
// waits long for the lock.
func (h *held) touch(now, stale time.Time) (more bool) {
	const few = 128
	h.mu.Lock()
	defer h.mu.Unlock()
	for range few {
		l := h.oldest
		if l == nil || l.touched.After(stale) {
			return false
		}
		// A closed connection ends Receive; one that is away buffers.
		_ = l.conn.Publish(l.reply, inProgress)
		h.unlinkLocked(l)
		h.appendLocked(l, now)
	}
	return true
}

func (h *held) appendLocked(l *lease, now time.Time) {
	l.touched, l.linked = now, true
	l.older, l.newer = h.newest, nil
	if h.newest != nil {
		h.newest.newer = l
	} else {
		h.oldest = l
	}
	h.newest = l
}

func (h *held) unlinkLocked(l *lease) {
	if !l.linked {
		return
	}
	if l.older != nil {
		l.older.newer = l.newer
	} else {
		h.oldest = l.newer
	}
	if l.newer != nil {
		l.newer.older = l.older
	} else {
		h.newest = l.older
	}
	l.older, l.newer, l.linked = nil, nil, false
}
