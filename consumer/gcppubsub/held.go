package gcppubsub

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// held is every delivery that is not settled. Being in it is the right to
// settle: whoever takes a delivery out settles it. It is split so that
// deliveries of different messages seldom meet at one lock.
type held struct {
	shards   [16]shard
	draining atomic.Bool
	moved    chan struct{} // gets a token when something changed while draining
	turned   atomic.Int64  // messages that were refused: nacked, never held
}

type shard struct {
	mu          sync.Mutex
	all         *held
	first       *delivery // a ring through prev and next, or nil
	closed      bool
	taken       int64
	acks, nacks int64

	running atomic.Int64 // deliver calls
	_       [64]byte     // the next shard has cache lines of its own
}

func newHeld(moved chan struct{}) *held {
	h := &held{moved: moved}
	for i := range h.shards {
		h.shards[i].all = h
	}
	return h
}

// add reports false once giveUp was called.
func (h *held) add(d *delivery) bool {
	s := &h.shards[rand.Uint32()%uint32(len(h.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken++
	if s.closed {
		s.nacks++
		return false
	}
	s.running.Add(1)
	d.shard = s
	if s.first == nil {
		s.first, d.prev, d.next = d, d, d
		return true
	}
	last := s.first.prev
	d.prev, d.next = last, s.first
	last.next, s.first.prev = d, d
	return true
}

// refused notes a message that is nacked without being held.
func (h *held) refused() { h.turned.Add(1) }

// release takes d out, to be acked or nacked by the caller. It reports false if
// it was out already.
func (s *shard) release(d *delivery, ack bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.next == nil {
		return false
	}
	if ack {
		s.acks++
	} else {
		s.nacks++
	}
	s.unlink(d)
	s.announce()
	return true
}

// returned notes that a deliver call has ended.
func (s *shard) returned() {
	s.running.Add(-1)
	s.announce()
}

func (s *shard) announce() {
	if s.all.draining.Load() {
		signal(s.all.moved)
	}
}

func (s *shard) unlink(d *delivery) {
	if d.next == d {
		s.first = nil
	} else {
		d.prev.next, d.next.prev = d.next, d.prev
		if s.first == d {
			s.first = d.next
		}
	}
	d.prev, d.next = nil, nil
}

// drained reports whether everything is settled and every deliver call has
// returned. From the first call on, changes are announced.
func (h *held) drained() bool {
	h.draining.Store(true)
	for i := range h.shards {
		if s := &h.shards[i]; !s.idle() {
			return false
		}
	}
	return true
}

func (s *shard) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first == nil && s.running.Load() == 0
}

// giveUp nacks all that is held and lets nothing in any more.
func (h *held) giveUp() {
	for i := range h.shards {
		for _, d := range h.shards[i].close() {
			d.msg.Nack()
		}
	}
}

func (s *shard) close() (left []*delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for s.first != nil {
		left = append(left, s.first)
		s.unlink(s.first)
		s.nacks++
	}
	return left
}

// counts returns how many messages were taken from the client, and how many of
// them were acked and nacked.
func (h *held) counts() (taken, acks, nacks int64) {
	turned := h.turned.Load()
	taken, nacks = turned, turned
	for i := range h.shards {
		s := &h.shards[i]
		s.mu.Lock()
		taken, acks, nacks = taken+s.taken, acks+s.acks, nacks+s.nacks
		s.mu.Unlock()
	}
	return taken, acks, nacks
}
