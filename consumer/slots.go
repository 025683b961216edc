package consumer

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// slots hands out MaxRunning numbered slots. A free slot is taken from a bitmap
// by one compare-and-swap, in a word that each processor has for itself, so that
// messages do not meet on one cache line, and the few slots that are in use at a
// time stay in that processor's cache: what belongs to a slot is kilobytes, in the
// table of what is in flight. Only when all are taken do callers queue, in order.
type slots struct {
	words   []slotWord
	homes   sync.Pool // of *int: a processor's word
	given   atomic.Uint32
	share   int // slots of a word
	longer  int // so many words at the front have one more
	waiting atomic.Int64

	mu    sync.Mutex
	queue []chan int // waiters in order of arrival
}

// slotWord holds the taken bits of up to 64 slots on a cache line of its own.
type slotWord struct {
	taken atomic.Uint64
	_     [56]byte
}

func newSlots(n int) *slots {
	// Spread the slots over several words even when few would do.
	words := max((n+63)/64, min(n, 8))
	s := &slots{words: make([]slotWord, words), share: n / words, longer: n % words}
	for i := range s.words {
		share := s.number(i+1, 0) - s.number(i, 0)
		s.words[i].taken.Store(^uint64(0) << share)
	}
	return s
}

// size is how many slots there are; they are numbered from 0.
func (s *slots) size() int { return s.number(len(s.words), 0) }

func (s *slots) number(word, bit int) int { return word*s.share + min(word, s.longer) + bit }

// place is the reverse of number.
func (s *slots) place(slot int) (word, bit int) {
	if border := s.longer * (s.share + 1); slot >= border {
		return s.longer + (slot-border)/s.share, (slot - border) % s.share
	}
	return slot / (s.share + 1), slot % (s.share + 1)
}

// acquire takes a slot, waiting for one if it must. It returns false when stop
// is closed first.
func (s *slots) acquire(stop <-chan struct{}) (int, bool) {
	if s.waiting.Load() == 0 {
		if slot, ok := s.take(); ok {
			return slot, true
		}
	}
	return s.wait(stop)
}

func (s *slots) take() (int, bool) {
	home, _ := s.homes.Get().(*int)
	if home == nil {
		home = new(int)
		*home = int(s.given.Add(1)) % len(s.words)
	}
	first := *home
	s.homes.Put(home)
	for i := range s.words {
		w := first + i
		if w >= len(s.words) {
			w -= len(s.words)
		}
		for {
			taken := s.words[w].taken.Load()
			bit := bits.TrailingZeros64(^taken)
			if bit == 64 {
				break
			}
			if s.words[w].taken.CompareAndSwap(taken, taken|1<<bit) {
				return s.number(w, bit), true
			}
		}
	}
	return 0, false
}

func (s *slots) wait(stop <-chan struct{}) (int, bool) {
	turn := make(chan int, 1)
	s.mu.Lock()
	s.waiting.Add(1)
	// A slot may have come free between the look and the lock; its owner saw no
	// one waiting.
	if slot, ok := s.take(); ok {
		s.waiting.Add(-1)
		s.mu.Unlock()
		return slot, true
	}
	s.queue = append(s.queue, turn)
	s.mu.Unlock()

	select {
	case slot := <-turn:
		return slot, true
	case <-stop:
		return 0, s.leave(turn)
	}
}

// leave takes turn out of the queue, or passes on the slot that it was given
// meanwhile. It returns false: the caller has no slot.
func (s *slots) leave(turn chan int) bool {
	s.mu.Lock()
	for i, t := range s.queue {
		if t == turn {
			s.queue = append(s.queue[:i], s.queue[i+1:]...)
			s.waiting.Add(-1)
			s.mu.Unlock()
			return false
		}
	}
	s.mu.Unlock()
	s.release(<-turn)
	return false
}

// release gives a slot back, to the longest waiting caller if there is one.
func (s *slots) release(slot int) {
	if s.waiting.Load() > 0 && s.handOver(slot) {
		return
	}
	word, bit := s.place(slot)
	s.words[word].taken.And(^(uint64(1) << bit))
	// Somebody may have begun to wait after the look and found nothing.
	if s.waiting.Load() > 0 {
		s.rescue()
	}
}

func (s *slots) handOver(slot int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return false
	}
	s.queue[0] <- slot
	s.queue = s.queue[1:]
	s.waiting.Add(-1)
	return true
}

// rescue gives free slots to waiting callers.
func (s *slots) rescue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) > 0 {
		slot, ok := s.take()
		if !ok {
			return
		}
		s.queue[0] <- slot
		s.queue = s.queue[1:]
		s.waiting.Add(-1)
	}
}
