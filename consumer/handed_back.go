package consumer

import (
	"sync"
	"sync/atomic"
	"time"
)

// handedBack remembers when messages that were handed back are due, for brokers
// that cannot delay: one that returns early waits here, and that is no attempt.
type handedBack struct {
	any atomic.Bool // spares the lock while nothing is remembered

	mu  sync.Mutex
	due map[string]time.Time
}

// maxHandedBack bounds the memory; beyond it a message merely returns early.
const maxHandedBack = 100_000

func newHandedBack() *handedBack { return &handedBack{due: make(map[string]time.Time)} }

func (h *handedBack) note(id string, now time.Time, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.due) >= maxHandedBack {
		h.forget(now)
	}
	if len(h.due) < maxHandedBack {
		h.due[id] = now.Add(wait)
		h.any.Store(true)
	}
}

// remaining returns how much of its wait a message still has, and forgets it.
func (h *handedBack) remaining(id string, now time.Time) time.Duration {
	if !h.any.Load() {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	due, ok := h.due[id]
	if !ok {
		return 0
	}
	delete(h.due, id)
	h.any.Store(len(h.due) > 0)
	return due.Sub(now)
}

// forget drops what is due: the broker gave it to somebody else.
func (h *handedBack) forget(now time.Time) {
	for id, due := range h.due {
		if due.Before(now) {
			delete(h.due, id)
		}
	}
}
