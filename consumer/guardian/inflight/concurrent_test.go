package inflight_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/theriac/theriac/consumer/guardian/inflight"
)

// The race detector does not look into memory that the system mapped, so what it would find is looked
// for with checksums: whatever the readers see while all slots change, every message that they
// report is one that a writer wrote, whole.
func TestRead_OfATableInUse(t *testing.T) {
	t.Parallel()
	table, mapping := pair(t, inflight.Config{Slots: 4})
	region := subscribe(t, mapping)
	var writers, readers sync.WaitGroup
	var stop atomic.Bool
	for slot := range mapping.Slots() {
		writers.Go(func() {
			random, noise := rand.New(rand.NewPCG(1, uint64(slot))), noise()
			for !stop.Load() {
				begin := message(random, noise, random.IntN(1<<random.IntN(17)))
				generation := region.Begin(slot, begin)
				region.Return(slot, generation, outcomeOf(begin))
				region.End(slot, generation)
			}
		})
	}
	noise := noise()
	var whole, changing atomic.Int64
	for _, read := range []func() inflight.Snapshot{table.Read, mapping.Read} {
		readers.Go(func() {
			for seen := 0; seen < 300 && !t.Failed(); {
				s := read()
				for _, slot := range s.Slots {
					if slot.Damage == inflight.Changing {
						changing.Add(1)
					}
				}
				s.Slots = standing(s.Slots)
				checkWhole(t, s, noise)
				if s.Damage != "" || s.DamagedPast != 0 {
					t.Errorf("damage %q, %d entries of the past damaged", s.Damage, s.DamagedPast)
				}
				seen += len(s.Slots)
				whole.Add(int64(len(s.Slots)))
			}
		})
	}
	readers.Wait()
	stop.Store(true)
	writers.Wait()
	t.Logf("%d slots were read whole, %d changed meanwhile", whole.Load(), changing.Load())
}

// standing leaves out the slots that changed while they were read.
func standing(slots []inflight.Slot) []inflight.Slot {
	var still []inflight.Slot
	for _, slot := range slots {
		if slot.Damage != inflight.Changing {
			still = append(still, slot)
		}
	}
	return still
}
