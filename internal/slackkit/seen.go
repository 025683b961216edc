package slackkit

import (
	"sync"
	"time"
)

// remembered is how long a request is known to have been here. A signature is good for the window on
// both sides of our clock.
const remembered = 2*window + time.Minute

// seen remembers what was here, for a time and up to a number. Its zero value remembers nothing.
type seen struct {
	most int

	mu    sync.Mutex
	known map[string]time.Time
	order []sighting // oldest first
}

type sighting struct {
	key string
	at  time.Time
}

// first reports whether none of keys was here, and remembers them. Full means that it cannot remember
// more and does not know: what is refused then can be clicked again, what is forgotten can be replayed.
func (s *seen) first(now time.Time, keys ...string) (fresh, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := 0
	for old < len(s.order) && now.Sub(s.order[old].at) > remembered {
		// A key that was forgotten and came again has a later time.
		if o := s.order[old]; s.known[o.key].Equal(o.at) {
			delete(s.known, o.key)
		}
		old++
	}
	if old > 0 {
		s.order = append(s.order[:0], s.order[old:]...)
	}
	for _, key := range keys {
		if _, known := s.known[key]; known {
			return false, false
		}
	}
	if len(s.order)+len(keys) > s.most {
		return false, true
	}
	if s.known == nil {
		s.known = make(map[string]time.Time)
	}
	for _, key := range keys {
		s.known[key] = now
		s.order = append(s.order, sighting{key, now})
	}
	return true, false
}

// any reports whether one of keys was here.
func (s *seen) any(keys ...string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		if _, known := s.known[key]; known {
			return true
		}
	}
	return false
}

// forget lets key be new again: what it named was not done. Its place is free when it would have been
// anyway.
func (s *seen) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, key)
}
