package consumer

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestSlots_AreDistinctAndAll(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 7, 8, 9, 63, 64, 65, 256, 511, 512, 513, 1000} {
		s := newSlots(n)
		if s.size() != n {
			t.Errorf("%d slots have the size %d", n, s.size())
		}
		for slot := range n {
			if word, bit := s.place(slot); s.number(word, bit) != slot {
				t.Errorf("of %d slots, %d is at %d,%d, which is %d", n, slot, word, bit, s.number(word, bit))
			}
		}
		seen := make(map[int]bool)
		for range n {
			slot, ok := s.take()
			if !ok || seen[slot] || slot < 0 || slot >= s.size() {
				t.Fatalf("of %d slots number %d: %d, %t", n, len(seen), slot, ok)
			}
			seen[slot] = true
		}
		if slot, ok := s.take(); ok {
			t.Errorf("slot %d beyond the %d there are", slot, n)
		}
	}
}

func TestSlots_WaitersGetThemInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1)
		first, _ := s.acquire(nil)
		var order []int
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() {
				slot, _ := s.acquire(nil)
				order = append(order, i)
				s.release(slot)
			})
			synctest.Wait()
		}
		s.release(first)
		wg.Wait()
		for i, got := range order {
			if got != i {
				t.Fatalf("order %v", order)
			}
		}
	})
}

func TestSlots_StopEndsTheWait(t *testing.T) {
	t.Parallel()
	s := newSlots(1)
	slot, _ := s.acquire(nil)
	stop := make(chan struct{})
	close(stop)
	if _, ok := s.acquire(stop); ok {
		t.Fatal("got a slot that was taken")
	}
	s.release(slot)
	if _, ok := s.acquire(stop); !ok {
		t.Error("the slot was lost")
	}
}

func TestSlots_NeverMoreThanThereAre(t *testing.T) {
	t.Parallel()
	const n = 3
	s := newSlots(n)
	var inside, most atomic.Int64
	owner := make([]atomic.Bool, s.size())
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for i := range 64 {
		wg.Go(func() {
			for k := range 500 {
				quit := stop
				if (i+k)%7 == 0 {
					closed := make(chan struct{})
					close(closed)
					quit = closed
				}
				slot, ok := s.acquire(quit)
				if !ok {
					continue
				}
				if owner[slot].Swap(true) {
					t.Error("one slot, two owners")
				}
				now := inside.Add(1)
				for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
				}
				inside.Add(-1)
				owner[slot].Store(false)
				s.release(slot)
			}
		})
	}
	wg.Wait()
	if most.Load() > n {
		t.Errorf("%d at once, want at most %d", most.Load(), n)
	}
	for i := range n {
		if _, ok := s.take(); !ok {
			t.Fatalf("only %d of %d slots came back", i, n)
		}
	}
}
