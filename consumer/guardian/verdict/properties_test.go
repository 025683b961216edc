package verdict_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/theriac/theriac/consumer/guardian/verdict"
)

// Generators are made for each draw, and not shared: tests run in parallel, and rapid's generators (1.3.0)
// name themselves on first use without a lock that readers of the name take.

// anyName has few slots and generations, so that labels meet slots often.
func anyName() *rapid.Generator[name] {
	return rapid.Custom(func(t *rapid.T) name {
		return name{Slot: rapid.IntRange(-1, 5).Draw(t, "slot"), Generation: rapid.Uint64Range(0, 3).Draw(t, "generation")}
	})
}

func anySlot() *rapid.Generator[slot] {
	return rapid.Custom(func(t *rapid.T) slot {
		return slot{
			Name:    anyName().Draw(t, "name"),
			State:   rapid.SampledFrom([]verdict.State{verdict.Free, verdict.Writing, verdict.Busy, verdict.Busy, verdict.Busy, verdict.Settling, 9}).Draw(t, "state"),
			Started: at(rapid.IntRange(0, 2).Draw(t, "started")),
			Overdue: rapid.Bool().Draw(t, "overdue"),
			InWard:  rapid.Bool().Draw(t, "in ward"),
			Damaged: rapid.IntRange(0, 5).Draw(t, "damage") == 0,
		}
	})
}

func anyGoroutine() *rapid.Generator[goroutine] {
	return rapid.Custom(func(t *rapid.T) goroutine {
		return goroutine{
			Labels:     rapid.SliceOfN(anyName(), 0, 3).Draw(t, "labels"),
			Running:    rapid.Bool().Draw(t, "running"),
			Allocating: rapid.Bool().Draw(t, "allocating"),
		}
	})
}

func anyTrace() *rapid.Generator[*trace] {
	return rapid.Custom(func(t *rapid.T) *trace {
		return &trace{
			Header: rapid.IntRange(0, 9).Draw(t, "header") > 0, OwnFault: rapid.Bool().Draw(t, "own fault"),
			First: anyGoroutine().Draw(t, "first"), Others: rapid.SliceOfN(anyGoroutine(), 0, 5).Draw(t, "others"),
			Complete: rapid.Bool().Draw(t, "complete"),
		}
	})
}

func anyEvidence() *rapid.Generator[evidence] {
	return rapid.Custom(func(t *rapid.T) evidence {
		rarely := func(what string) bool { return rapid.IntRange(0, 9).Draw(t, what) == 0 }
		e := evidence{
			Slots: rapid.SliceOfN(anySlot(), 0, 7).Draw(t, "slots"),
			Exit: verdict.Exit{Known: rapid.Bool().Draw(t, "known"), Signal: rapid.SampledFrom([]int{0, 0, 6, 9}).Draw(t, "signal"),
				Code: rapid.SampledFrom([]int{2, 2, 2, 0, 1, 77}).Draw(t, "code")},
			Clean: rapid.Bool().Draw(t, "clean"), Stopping: rarely("stopping"), Ready: !rarely("not ready"),
			TableFault: rarely("table fault"), HeaderDamaged: rarely("header damaged"),
			History: rapid.MapOfN(anyName(), rapid.String(), 0, 3).Draw(t, "history"),
		}
		if rarely("ended") {
			e.Ended = rapid.SampledFrom([]verdict.Ended{verdict.EndedMemory, verdict.EndedHang, verdict.EndedRecycle, verdict.EndedStill}).Draw(t, "by guardian")
		}
		if !rarely("silent") {
			e.Trace = anyTrace().Draw(t, "trace")
			// Labels out of thin air are rarely live.
			for range min(len(e.Slots), rapid.IntRange(0, 2).Draw(t, "labels that fit")) {
				label := rapid.SampledFrom(e.Slots).Draw(t, "labelled").Name
				e.Trace.First.Labels = append(e.Trace.First.Labels, label)
			}
		}
		return e
	})
}

// ownFaults are deaths that name somebody, or nearly.
func ownFaults() *rapid.Generator[evidence] {
	return rapid.Custom(func(t *rapid.T) evidence {
		names := rapid.SliceOfN(rapid.SampledFrom([]name{one, two, three, four}), 1, 3).Draw(t, "labels")
		return died(true, runningLabels(names...))
	})
}

func TestOf_Properties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvidence().Draw(t, "evidence")
		v := verdict.Of(e)
		checkShape(t, e, v)
		checkNamesAreInFlight(t, e, v)
		checkOrder(t, e, v)
		shuffled := e
		shuffled.Slots = rapid.Permutation(e.Slots).Draw(t, "shuffled")
		if diff := cmp.Diff(v, verdict.Of(shuffled)); diff != "" && !hasDuplicates(e.Slots) {
			t.Fatalf("the order of the evidence matters:\n%s", diff)
		}
	})
}

// TestOf_DamageNeverMakesACulprit damages slots at random: whoever is convicted
// then was convicted before.
func TestOf_DamageNeverMakesACulprit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := rapid.OneOf(anyEvidence(), ownFaults()).Draw(t, "evidence")
		before := verdict.Of(e)
		e.Slots = slices.Clone(e.Slots)
		for i, s := range e.Slots {
			if rapid.Bool().Draw(t, "hit") {
				e.Slots[i] = anySlot().Draw(t, "garbage")
				e.Slots[i].Name.Slot, e.Slots[i].Damaged = s.Name.Slot, true
			}
		}
		after := verdict.Of(e)
		if after.Tier == verdict.TierCulprit && after.Culprit != before.Culprit {
			t.Fatalf("damage made %v the culprit, not %v", after.Culprit, before.Culprit)
		}
	})
}

// checkShape is what every verdict keeps, whatever the evidence.
func checkShape(t *rapid.T, e evidence, v verdict.Verdict) {
	if (v.Tier == verdict.TierCulprit) != (v.Culprit != name{}) {
		t.Fatalf("tier %s with culprit %v", v.Tier, v.Culprit)
	}
	blameless := v.Tier == verdict.TierCulprit || v.Tier == verdict.TierNobody
	if blameless != (len(v.Suspects) == 0) {
		t.Fatalf("tier %s with suspects %v", v.Tier, v.Suspects)
	}
	if v.Tier == verdict.TierNobody && v.Alone {
		t.Fatal("nobody is to blame, yet a death alone counts")
	}
	if e.HeaderDamaged && (v.Alone || v.Tier == verdict.TierCulprit) {
		t.Fatalf("a damaged header convicts: %+v", v)
	}
	if v.Reason == "" {
		t.Fatal("no reason given")
	}
	for _, s := range v.Suspects {
		if !v.Alone && v.Charge(s.Name) != 0 {
			t.Fatalf("suspect %v is charged", s)
		}
	}
	for _, n := range slices.Concat(v.Bystanders, v.TimedOut) {
		if v.Charge(n) != 0 {
			t.Fatalf("bystander %v is charged", n)
		}
	}
}

// checkNamesAreInFlight: every busy slot that can be believed is named exactly
// once, and no other.
func checkNamesAreInFlight(t *rapid.T, e evidence, v verdict.Verdict) {
	named := slices.Concat(v.Bystanders, v.TimedOut)
	for _, s := range v.Suspects {
		named = append(named, s.Name)
	}
	if v.Culprit != (name{}) {
		named = append(named, v.Culprit)
	}
	seen := map[int]int{}
	for _, s := range e.Slots {
		seen[s.Name.Slot]++
	}
	var busy []name
	for _, s := range e.Slots {
		if s.State == verdict.Busy && !s.Damaged && s.Name.Generation > 0 && seen[s.Name.Slot] == 1 {
			busy = append(busy, s.Name)
		}
	}
	compare := func(a, b name) int { return a.Slot - b.Slot }
	slices.SortFunc(named, compare)
	slices.SortFunc(busy, compare)
	if !slices.Equal(named, busy) {
		t.Fatalf("named %v, in flight %v", named, busy)
	}
}

// checkOrder: labelled, running, in flight; each youngest first, then by slot, the highest first.
func checkOrder(t *rapid.T, e evidence, v verdict.Verdict) {
	rank := map[verdict.Why]int{labelled: 0, running: 1, inFlight: 2}
	slot := map[name]slot{}
	for _, s := range e.Slots {
		slot[s.Name] = s
	}
	for i := 1; i < len(v.Suspects); i++ {
		a, b := v.Suspects[i-1], v.Suspects[i]
		order := rank[a.Why] - rank[b.Why]
		if order == 0 {
			order = slot[b.Name].Started.Compare(slot[a.Name].Started)
		}
		if order == 0 {
			order = b.Name.Slot - a.Name.Slot
		}
		if order >= 0 {
			t.Fatalf("%v stands before %v", a, b)
		}
	}
}

func hasDuplicates(slots []slot) bool {
	seen := map[int]bool{}
	for _, s := range slots {
		if seen[s.Name.Slot] {
			return true
		}
		seen[s.Name.Slot] = true
	}
	return false
}
