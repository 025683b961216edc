package consumer

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// correlation tells whether failures within a window spread over many messages
// and outweigh the successes. Successes are counted on cache lines that messages
// do not share; a sample each second remembers how many there were, so that a
// failure can look back over the window.
type correlation struct {
	policy BreakerPolicy
	// most is how many failures of one message count: as many as convict it. A
	// few poison messages that are retried while the store is away must not look
	// like an outage.
	most      int
	seed      maphash.Seed
	successes []successCount

	mu       sync.Mutex
	failures []failure // oldest first
	samples  []uint64  // total successes at the end of each second of the window
	crashes  []failure // deaths with no success between, oldest first
	lucky    uint64    // total successes at the last of them
}

type successCount struct {
	n atomic.Uint64
	_ [56]byte
}

type failure struct {
	at time.Time
	id uint64
}

// maxFailures bounds the memory of a window; far more than any threshold.
const maxFailures = 10_000

func newCorrelation(p Policy, shards int) *correlation {
	return &correlation{
		policy: p.Breaker, most: p.MaxFailures, seed: maphash.MakeSeed(),
		successes: make([]successCount, max(1, min(shards, 64))),
		samples:   []uint64{0}, // there were none before the start
	}
}

func (c *correlation) success(slot int) { c.successes[slot%len(c.successes)].n.Add(1) }

func (c *correlation) failure(at time.Time, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(at)
	c.failures = append(c.failures, failure{at, maphash.String(c.seed, id)})
}

// sample is called once a second, and returns how many successes there were.
func (c *correlation) sample() (total uint64) {
	total = c.total()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.samples = append(c.samples, total)
	if keep := int(c.policy.Window / time.Second); len(c.samples) > keep {
		c.samples = c.samples[len(c.samples)-keep:]
	}
	return total
}

// correlated reports whether the thresholds are reached now.
func (c *correlation) correlated(now time.Time) bool {
	total := c.total()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(now)
	messages := make(map[uint64]int)
	counted := 0
	for _, f := range c.failures {
		if messages[f.id]++; messages[f.id] <= c.most {
			counted++
		}
	}
	if len(messages) < c.policy.MinMessages {
		return false
	}
	failed := float64(counted)
	return failed >= c.policy.FailureRatio*(failed+float64(total-c.samples[0]))
}

// reset forgets the failures, so that those of an outage do not count once it
// has passed.
func (c *correlation) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures, c.crashes = nil, nil
}

// crash notes a death and reports whether there were enough of different
// messages within the window, with no success between.
func (c *correlation) crash(at time.Time, id string) bool {
	total := c.total()
	c.mu.Lock()
	defer c.mu.Unlock()
	if total != c.lucky {
		c.crashes, c.lucky = nil, total
	}
	c.crashes = append(c.crashes, failure{at, maphash.String(c.seed, id)})
	c.crashes = c.crashes[max(0, len(c.crashes)-maxFailures):]
	different := make(map[uint64]bool)
	for _, f := range c.crashes {
		if at.Sub(f.at).Abs() <= c.policy.CulpritWindow {
			different[f.id] = true
		}
	}
	return len(different) >= c.policy.Culprits
}

// forget drops failures older than the window.
func (c *correlation) forget(now time.Time) {
	first := 0
	for first < len(c.failures) && now.Sub(c.failures[first].at) > c.policy.Window {
		first++
	}
	first = max(first, len(c.failures)-maxFailures)
	c.failures = c.failures[first:]
}

func (c *correlation) total() (n uint64) {
	for i := range c.successes {
		n += c.successes[i].n.Load()
	}
	return n
}
