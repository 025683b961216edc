package webkit

import (
	"sync"
	"time"
)

// maxCallers is how many callers a Limiter remembers.
const maxCallers = 10_000

// Limiter bounds how often each caller may do something: Burst at once, and one more each Every. It
// is safe for concurrent use and counts in this process only.
type Limiter struct {
	Burst int
	Every time.Duration

	mu sync.Mutex
	// free is when each caller's bucket will be full again.
	free map[string]time.Time
}

// Allow reports whether a caller may do it now, and if not, after what time.
func (l *Limiter) Allow(caller string, now time.Time) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.free == nil || len(l.free) >= maxCallers {
		l.forgetLocked(now)
	}
	full := l.free[caller]
	if full.Before(now) {
		full = now
	}
	full = full.Add(l.Every)
	if over := full.Sub(now) - time.Duration(l.Burst)*l.Every; over > 0 {
		return over, false
	}
	l.free[caller] = full
	return 0, true
}

// forgetLocked drops callers whose buckets are full, and all of them if that is not enough: a limit
// that forgets is better than one that eats the memory.
func (l *Limiter) forgetLocked(now time.Time) {
	kept := map[string]time.Time{}
	for caller, full := range l.free {
		if full.After(now) {
			kept[caller] = full
		}
	}
	if len(kept) >= maxCallers {
		kept = map[string]time.Time{}
	}
	l.free = kept
}
