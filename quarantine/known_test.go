package quarantine

import (
	"fmt"
	"math/bits"
	"strconv"
	"sync"
	"testing"

	"github.com/theriac/theriac/handlers"
)

// standing returns what is remembered of a message.
func (k *known) standing(sub, id string) handlers.Standing { return k.look(sub, id).stands() }

// size returns how many messages are remembered.
func (k *known) size() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return len(k.young) + len(k.old)
}

func TestKnown_RaisesAndClears(t *testing.T) {
	t.Parallel()
	k := newKnown(100)
	steps := []struct {
		do   func()
		want handlers.Standing
	}{
		{func() {}, handlers.StandingNew},
		{func() { k.raise("orders", "2", handlers.StandingDecided) }, handlers.StandingNew},
		{func() { k.raise("users", "1", handlers.StandingDecided) }, handlers.StandingNew},
		{func() { k.raise("orders", "1", handlers.StandingFailing) }, handlers.StandingFailing},
		{func() { k.clear("orders", "1") }, handlers.StandingNew},
		{func() { k.recorded("orders", "1", 7) }, handlers.StandingFailing},
		{func() { k.raise("orders", "1", handlers.StandingDecided) }, handlers.StandingDecided},
		{func() { k.raise("orders", "1", handlers.StandingFailing) }, handlers.StandingDecided},
		{func() { k.clear("orders", "1") }, handlers.StandingDecided},
	}
	for i, s := range steps {
		s.do()
		if got := k.standing("orders", "1"); got != s.want {
			t.Errorf("step %d: standing %d, want %d", i, got, s.want)
		}
	}
	if !k.recordedLast("orders", "1", 7) || k.recordedLast("orders", "1", 8) || k.recordedLast("orders", "3", 0) {
		t.Error("recordedLast does not tell the last recorded attempt from others")
	}
}

// TestKnown_ASuspectIsNoStep: suspicion comes and goes beside the rest.
func TestKnown_ASuspectIsNoStep(t *testing.T) {
	t.Parallel()
	k := newKnown(100)
	told := func(standing handlers.Standing, suspect bool) func() {
		return func() {
			k.learn(k.beginRead(), Mark{Subscription: "orders", MessageID: "1", Standing: standing, Suspect: suspect})
		}
	}
	for i, s := range []struct {
		do   func()
		want handlers.Standing
	}{
		{told(handlers.StandingNew, false), handlers.StandingNew},
		{told(handlers.StandingNew, true), handlers.StandingSuspect},
		{func() { k.recorded("orders", "1", 7) }, handlers.StandingSuspect},
		{func() { k.clear("orders", "1") }, handlers.StandingSuspect},
		{func() { k.cleared("orders", "1") }, handlers.StandingNew},
		{func() { k.suspect("orders", "1", true) }, handlers.StandingSuspect},
		{func() { k.raise("orders", "1", handlers.StandingFailing) }, handlers.StandingSuspect},
		{func() { k.cleared("orders", "1") }, handlers.StandingFailing},
		{told(handlers.StandingFailing, true), handlers.StandingSuspect},
		{told(handlers.StandingNew, false), handlers.StandingNew},
		{told(handlers.StandingDecided, true), handlers.StandingDecided},
		{told(handlers.StandingDecided, false), handlers.StandingDecided},
		{told(handlers.StandingNew, true), handlers.StandingDecided},
	} {
		s.do()
		if got := k.standing("orders", "1"); got != s.want {
			t.Errorf("step %d: standing %d, want %d", i, got, s.want)
		}
	}
	k.suspect("orders", "2", true)
	k.cleared("orders", "2")
	k.cleared("orders", "3")
	if n := k.size(); n != 1 {
		t.Errorf("%d messages are remembered, want the decided one", n)
	}
}

// TestKnown_OldNewsClearsNoSuspicion: a read that began before a message became
// suspect here cannot know of it.
func TestKnown_OldNewsClearsNoSuspicion(t *testing.T) {
	t.Parallel()
	k := newKnown(100)
	well := Mark{Subscription: "orders", MessageID: "1", Standing: handlers.StandingFailing}
	old := k.beginRead()
	k.suspect("orders", "1", true)
	k.learn(old, well)
	if got := k.standing("orders", "1"); got != handlers.StandingSuspect {
		t.Errorf("standing %d after old news", got)
	}
	k.learn(k.beginRead(), well)
	if got := k.standing("orders", "1"); got != handlers.StandingFailing {
		t.Errorf("standing %d after new news", got)
	}
	k.suspect("orders", "1", false) // the store has no report of it yet
	well.Suspect = true
	k.learn(k.beginRead(), well)
	well.Suspect = false
	k.learn(k.beginRead(), well)
	if got := k.standing("orders", "1"); got != handlers.StandingSuspect {
		t.Errorf("standing %d while its report is on the way", got)
	}
	k.suspect("orders", "1", true)
	k.learn(k.beginRead(), well)
	if got := k.standing("orders", "1"); got != handlers.StandingFailing {
		t.Errorf("standing %d after its report was stored", got)
	}
}

func TestKnown_Full_ForgetsTheOlderHalf(t *testing.T) {
	t.Parallel()
	const max = 1000
	k := newKnown(max)
	for i := range 10 * max {
		k.raise("orders", fmt.Sprint(i), handlers.StandingDecided)
		k.raise("orders", "again", handlers.StandingDecided) // renewed, so never old
		if n := k.size(); n > max {
			t.Fatalf("remembers %d of at most %d", n, max)
		}
	}
	for i := 10*max - max/2 + 2; i < 10*max; i++ {
		if k.standing("orders", fmt.Sprint(i)) != handlers.StandingDecided {
			t.Fatalf("the new one %d is forgotten", i)
		}
	}
	if k.standing("orders", "0") != handlers.StandingNew || k.standing("orders", "again") != handlers.StandingDecided {
		t.Error("the oldest is remembered, or the renewed one is not")
	}
}

// TestKnown_FilterDoesNotFillUp: messages that fail and recover for weeks must
// not leave every bit set.
func TestKnown_FilterDoesNotFillUp(t *testing.T) {
	t.Parallel()
	k := newKnown(1000)
	k.raise("orders", "stays", handlers.StandingFailing)
	for i := range filterBits / 32 {
		id := strconv.Itoa(i)
		k.raise("orders", id, handlers.StandingFailing)
		k.clear("orders", id)
	}
	set := 0
	for i := range k.filter.Load() {
		set += bits.OnesCount64(k.filter.Load()[i].Load())
	}
	if set > filterBits/64 {
		t.Errorf("%d of %d bits are set for one message", set, filterBits)
	}
	if k.standing("orders", "stays") != handlers.StandingFailing {
		t.Error("a message was lost with the filter's refresh")
	}
}

func TestKnown_ConcurrentUse(t *testing.T) {
	t.Parallel()
	k := newKnown(10_000)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				id := fmt.Sprint(w, i%50)
				k.recorded("orders", id, int64(i+1))
				if !k.recordedLast("orders", id, int64(i+1)) || k.standing("orders", id) != handlers.StandingFailing {
					t.Error("what was just recorded is not known")
				}
				if k.clear("orders", id); k.standing("orders", id) != handlers.StandingNew {
					t.Error("what was just cleared is known")
				}
			}
		})
	}
	wg.Wait()
}

func TestKnown_NothingRecorded_NoAllocation(t *testing.T) {
	k := newKnown(1000)
	k.raise("orders", "1", handlers.StandingDecided)
	if n := testing.AllocsPerRun(1000, func() { k.standing("orders", "4711") }); n != 0 {
		t.Errorf("%v allocations for a message without a trace", n)
	}
}

func BenchmarkKnown_Standing(b *testing.B) {
	for _, held := range []int{0, 100_000, 1_000_000} {
		k := newKnown(1_000_000)
		for i := range held {
			k.raise("orders", fmt.Sprint(i), handlers.StandingDecided)
		}
		b.Run(fmt.Sprintf("new/known=%d", held), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				k.standing("orders", "1284933119027")
			}
		})
		b.Run(fmt.Sprintf("new-parallel/known=%d", held), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					k.standing("orders", "1284933119027")
				}
			})
		})
	}
}
