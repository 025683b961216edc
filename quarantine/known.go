package quarantine

import (
	"hash/maphash"
	"math"
	"sync"
	"sync/atomic"

	"github.com/theriac/theriac/handlers"
)

// known remembers which messages have a trace. A message without one, the
// common case, costs at most two hashes and two atomic loads, and one of them as
// long as no message has a trace: no lock, no allocation.
//
// Messages are kept by a 64-bit hash of subscription and id. Two that collide
// do no harm: "decided" is always confirmed by identity with the store, "suspect"
// makes a message run alone that need not, and "failing" only makes a success be
// recorded.
type known struct {
	seed   maphash.Seed
	filter atomic.Pointer[filter] // nil: nothing is recorded

	mu sync.RWMutex
	// young and old hold at most max/2 each: when young is full it becomes old,
	// and what was old is forgotten. A trace that is renewed moves to young.
	young, old map[uint64]trace
	max        int
	set        int // bits that were set since the filter was made
	reads      uint64
}

// trace is what is remembered of one message.
type trace struct {
	standing handlers.Standing // New, Failing or Decided
	// suspect is 0 for a message that is none; else the read of the store's changes
	// that was the last to begin when it became one, or pinned. Only what a later
	// read finds may clear it.
	suspect uint64
	// recorded is the start, in ns, of the last attempt that this process
	// recorded: an attempt must not be counted a second time with its entry.
	recorded int64
}

// filter is a bit set of 1 MiB over hashes: a clear bit proves that nothing is
// recorded, a set bit proves nothing.
type filter [filterWords]atomic.Uint64

const (
	filterWords = 1 << 17
	filterBits  = filterWords * 64
)

func (f *filter) has(h uint64) bool {
	h %= filterBits
	return f[h/64].Load()&(1<<(h%64)) != 0
}

func (f *filter) add(h uint64) {
	h %= filterBits
	f[h/64].Or(1 << (h % 64))
}

func newKnown(max int) *known {
	return &known{seed: maphash.MakeSeed(), young: map[uint64]trace{}, old: map[uint64]trace{}, max: max}
}

func (k *known) hash(sub, id string) uint64 {
	const odd = 0x9E3779B97F4A7C15 // keeps (a, b) and (b, a) apart
	return maphash.String(k.seed, sub)*odd ^ maphash.String(k.seed, id)
}

// pinned: a suspect whose report is not in the store yet; no read may clear it.
const pinned = math.MaxUint64

// stands is the standing that t gives a message.
func (t trace) stands() handlers.Standing {
	if t.suspect != 0 {
		return max(t.standing, handlers.StandingSuspect)
	}
	return t.standing
}

// look returns the trace of a message, a zero one if there is none.
func (k *known) look(sub, id string) trace {
	f := k.filter.Load()
	if f == nil {
		return trace{}
	}
	h := k.hash(sub, id)
	if !f.has(h) {
		return trace{}
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.getLocked(h)
}

// recordedLast reports whether the attempt of this message that started at
// started (ns) is the last one that this process recorded.
func (k *known) recordedLast(sub, id string, started int64) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	t := k.getLocked(k.hash(sub, id))
	return t.recorded != 0 && t.recorded == started
}

func (k *known) getLocked(h uint64) trace {
	if t, ok := k.young[h]; ok {
		return t
	}
	return k.old[h]
}

// raise lets a message stand at least as high as standing, which is StandingFailing
// or StandingDecided. It never lowers:
// news from the store may be older than what this process wrote itself, and
// whether "decided" still holds is confirmed with the store each time.
func (k *known) raise(sub, id string, standing handlers.Standing) {
	k.update(sub, id, func(t *trace) { t.standing = max(t.standing, standing) })
}

// recorded notes the last attempt that was recorded.
func (k *known) recorded(sub, id string, started int64) {
	k.update(sub, id, func(t *trace) {
		t.recorded = started
		t.standing = max(t.standing, handlers.StandingFailing)
	})
}

// clear forgets a message that is failing; a decided one stays, and a suspect
// stays one.
func (k *known) clear(sub, id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := k.hash(sub, id)
	k.putLocked(h, k.getLocked(h).afterSuccess())
}

// afterSuccess is t once its message succeeded.
func (t trace) afterSuccess() trace {
	if t.standing == handlers.StandingDecided {
		return t
	}
	return trace{suspect: t.suspect}
}

// beginRead numbers a read of the store's changes that is about to begin.
func (k *known) beginRead() (read uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reads++
	return k.reads
}

// learn takes in what a read of the store's changes told. A message that became
// a suspect here after the read had begun stays one: the read cannot know of it,
// and to run it beside others could cost another process.
func (k *known) learn(read uint64, m Mark) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := k.hash(m.Subscription, m.MessageID)
	t := k.getLocked(h)
	switch {
	case m.Suspect && t.suspect != pinned:
		t.suspect = read
	case !m.Suspect && t.suspect < read:
		t.suspect = 0
	}
	t.standing = max(t.standing, m.Standing)
	if m.Standing == handlers.StandingNew {
		t = t.afterSuccess()
	}
	k.putLocked(h, t)
}

// suspect lets a message run alone only. Without stored it stays so whatever the
// store tells, since its report is not there yet.
func (k *known) suspect(sub, id string, stored bool) {
	k.update(sub, id, func(t *trace) {
		t.suspect = pinned
		if stored {
			t.suspect = max(k.reads, 1)
		}
	})
}

// cleared takes a suspicion back.
func (k *known) cleared(sub, id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := k.hash(sub, id)
	if t := k.getLocked(h); t.suspect != 0 {
		t.suspect = 0
		k.putLocked(h, t)
	}
}

func (k *known) update(sub, id string, change func(*trace)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := k.hash(sub, id)
	t := k.getLocked(h)
	change(&t)
	k.putLocked(h, t)
}

// putLocked remembers a trace; of one that says nothing, nothing.
func (k *known) putLocked(h uint64, t trace) {
	if t.stands() == handlers.StandingNew {
		delete(k.young, h)
		delete(k.old, h)
		return
	}
	if _, ok := k.young[h]; !ok && len(k.young) >= k.max/2 {
		k.young, k.old = map[uint64]trace{}, k.young
	}
	k.young[h] = t
	delete(k.old, h)
	k.filterLocked(h)
	k.refreshLocked()
}

// filterLocked lets the filter say that something may be recorded.
func (k *known) filterLocked(h uint64) {
	f := k.filter.Load()
	if f == nil {
		f = new(filter)
		defer k.filter.Store(f) // with the bit in it
	}
	if !f.has(h) {
		f.add(h)
		k.set++
	}
}

// refreshLocked makes the filter anew when most of its bits stand for messages
// that were forgotten or cleared; otherwise it would fill up over weeks and
// every message would take the lock.
func (k *known) refreshLocked() {
	live := len(k.young) + len(k.old)
	if k.set < filterBits/64 || k.set < 2*live {
		return
	}
	fresh := new(filter)
	for h := range k.young {
		fresh.add(h)
	}
	for h := range k.old {
		fresh.add(h)
	}
	k.filter.Store(fresh)
	k.set = live
}
