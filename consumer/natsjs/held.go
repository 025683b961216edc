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
	maxCount int
	maxBytes int64

	mu      sync.Mutex
	count   int
	bytes   int64
	waiting bool // the receiver waits for freed
	oldest  *lease
	newest  *lease

	freed chan struct{} // one token: something came free while waiting
}

func newHeld(lim consumer.Limits) *held {
	return &held{
		maxCount: max(1, lim.MaxOutstanding),
		maxBytes: max(1, lim.MaxOutstandingBytes),
		freed:    make(chan struct{}, 1),
	}
}

// add takes l in, unless there is no place left.
func (h *held) add(l *lease, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count >= h.maxCount {
		return false
	}
	h.count++
	h.bytes += l.size
	h.appendLocked(l, now)
	return true
}

// remove ends what add began. After it l is neither counted nor kept alive.
func (h *held) remove(l *lease) {
	h.mu.Lock()
	h.unlinkLocked(l)
	h.count--
	h.bytes -= l.size
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

// credit is how much may still be asked for.
type credit struct {
	count int
	bytes int64 // 0: one message of any size
}

// credit answers what may be asked for now; without any, freed will be told
// when something was removed. refused is -1, or the number of bytes in hand when
// the broker last said that the next message does not fit.
func (h *held) credit(refused int64) (credit, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := credit{count: h.maxCount - h.count, bytes: h.maxBytes - h.bytes}
	switch {
	case h.count == 0 && refused >= 0:
		return credit{count: 1}, true // larger than the limit: alone
	case h.count == 0:
		return c, true
	// Asking again and again with little room would only be refused again.
	case c.count == 0, c.bytes < max(1, h.maxBytes/8), refused >= 0 && h.bytes > refused/2:
		h.waiting = true
		return credit{}, false
	default:
		return c, true
	}
}

func (h *held) inHandBytes() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bytes
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
