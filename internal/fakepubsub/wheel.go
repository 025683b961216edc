package fakepubsub

import "time"

// tick is the resolution of every timer of the server.
const tick = 20 * time.Millisecond

// tickAfter is the first tick that is not before t: a lease never ends early.
func tickAfter(t time.Time) int64 {
	return (t.UnixNano() + int64(tick) - 1) / int64(tick)
}

// wheel holds things that fall due, in buckets of one tick. Adding is O(1) and
// nothing is ever removed before its time: whoever takes a due element checks
// whether it still matters.
type wheel[T any] struct {
	buckets map[int64][]T
	done    int64 // last tick handed out
}

func newWheel[T any](now time.Time) *wheel[T] {
	return &wheel[T]{buckets: make(map[int64][]T), done: tickAfter(now) - 1}
}

// add makes v due at tick at, or at the next tick if at has passed.
func (w *wheel[T]) add(at int64, v T) {
	at = max(at, w.done+1)
	w.buckets[at] = append(w.buckets[at], v)
}

// due calls f for all that is due at now, oldest first. f may add.
func (w *wheel[T]) due(now time.Time, f func(at int64, v T)) {
	last := now.UnixNano() / int64(tick)
	for w.done < last {
		w.done++
		bucket := w.buckets[w.done]
		if bucket == nil {
			continue
		}
		delete(w.buckets, w.done)
		for _, v := range bucket {
			f(w.done, v)
		}
	}
}
