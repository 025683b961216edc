package gcppubsub

import (
	"math/rand/v2"
	"sync"
)

// held is every delivery that is not settled. Being in it is the right to
// settle: whoever takes a delivery out settles it. It is split so that
// deliveries of different messages seldom meet at one lock.
type held struct{ shards [16]shard }

type shard struct {
	mu          sync.Mutex
	first       *delivery // a ring through prev and next, or nil
	closed      bool
	acks, nacks int
	_           [64]byte // a cache line of its own
}

// add reports false once giveUp was called.
func (h *held) add(d *delivery) bool {
	s := &h.shards[rand.Uint32()%uint32(len(h.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
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
	return true
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

// giveUp nacks all that is held and lets nothing in any more. It returns how
// many deliveries were acked and nacked in all.
func (h *held) giveUp() (acks, nacks int) {
	for i := range h.shards {
		s := &h.shards[i]
		for _, d := range s.close() {
			d.msg.Nack()
		}
		s.mu.Lock()
		acks, nacks = acks+s.acks, nacks+s.nacks
		s.mu.Unlock()
	}
	return acks, nacks
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
