package inflight_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/theriac/theriac/consumer/guardian/inflight"
)

// model is what a table should say: a slot is what its owner did last.
type model struct {
	table  *inflight.Table
	region *inflight.Region
	slots  [3]modelSlot
}

type modelSlot struct {
	generation uint64
	state      inflight.State
	outcome    uint8
	begin      inflight.Begin
	missing    inflight.Missing
	ended      []inflight.Past
}

func TestTable_DoesWhatTheModelDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		table, err := inflight.Create(inflight.Config{Slots: 3})
		if err != nil {
			rt.Fatal(err)
		}
		defer table.Close()
		mapping, err := inflight.Open(table.File())
		if err != nil {
			rt.Fatal(err)
		}
		defer mapping.Close()
		region, err := mapping.Subscribe("orders", 3)
		if err != nil {
			rt.Fatal(err)
		}
		m := &model{table: table, region: region}
		rt.Repeat(map[string]func(*rapid.T){"begin": m.begin, "return": m.giveBack, "end": m.end, "": m.check})
	})
}

func (m *model) begin(t *rapid.T) {
	i := rapid.IntRange(0, 2).Draw(t, "slot")
	s := &m.slots[i]
	anyString := rapid.SampledFrom([]string{"", "id", hostile, strings.Repeat("\xff", 41), strings.Repeat("i", 300)})
	b := inflight.Begin{
		ID:          anyString.Draw(t, "id"),
		OrderingKey: anyString.Draw(t, "key"),
		AckToken:    anyString.Draw(t, "token"),
		Data:        make([]byte, rapid.SampledFrom([]int{0, 1, 1000, 60_000, 70_000}).Draw(t, "size")),
		Attributes:  rapid.MapOfN(anyString, anyString, 0, 2).Draw(t, "attributes"),
		Attempt:     rapid.IntRange(0, 9).Draw(t, "attempt"),
		Flags:       rapid.SampledFrom([]inflight.Flags{0, inflight.InWard, inflight.Ordered}).Draw(t, "flags"),
	}
	s.generation++
	s.state, s.outcome, s.begin, s.missing = inflight.Busy, 0, b, inflight.NotMissing
	if len(b.Data) > 64<<10 {
		s.missing = inflight.TooLarge
	}
	if got := m.region.Begin(i, &b); got != s.generation {
		t.Fatalf("Begin = %d, want %d", got, s.generation)
	}
}

// slot draws a slot and a generation of it, mostly the right one.
func (m *model) slot(t *rapid.T) (i int, generation uint64) {
	i = rapid.IntRange(0, 2).Draw(t, "slot")
	return i, m.slots[i].generation + rapid.SampledFrom([]uint64{0, 0, 0, 1, 1<<56 - 1}).Draw(t, "off")
}

func (m *model) giveBack(t *rapid.T) {
	i, generation := m.slot(t)
	s := &m.slots[i]
	outcome := rapid.Uint8Range(0, 63).Draw(t, "outcome")
	want := generation == s.generation && s.state == inflight.Busy
	if got := m.region.Return(i, generation, outcome); got != want {
		t.Fatalf("Return = %t, want %t", got, want)
	}
	if want {
		s.state, s.outcome = inflight.Settling, outcome
	}
}

func (m *model) end(t *rapid.T) {
	i, generation := m.slot(t)
	s := &m.slots[i]
	want := generation == s.generation && s.state != inflight.Free
	if got := m.region.End(i, generation); got != want {
		t.Fatalf("End = %t, want %t", got, want)
	}
	if !want {
		return
	}
	id := s.begin.ID[:min(40, len(s.begin.ID))]
	past := inflight.Past{Name: m.region.Name(i, generation), Subscription: "orders", ID: id, IDCut: id != s.begin.ID, Outcome: s.outcome}
	s.ended = append(s.ended, past)
	s.state = inflight.Free
}

func (m *model) check(t *rapid.T) {
	got := m.table.Read()
	var slots []inflight.Slot
	var past []inflight.Past
	for i := range m.slots {
		s := &m.slots[i]
		for _, p := range s.ended {
			if !s.overwritten(p.Name.Generation) {
				past = append(past, p)
			}
		}
		if s.state == inflight.Free {
			continue
		}
		slot := slotOf(&s.begin, m.region.Name(i, s.generation), s.missing)
		slot.State, slot.Outcome = s.state, s.outcome
		slots = append(slots, slot)
	}
	byName := cmpopts.SortSlices(func(a, b inflight.Past) bool { return fmt.Sprint(a.Name) < fmt.Sprint(b.Name) })
	if diff := cmp.Diff(slots, got.Slots, sameBytes()); diff != "" {
		t.Fatalf("slots (-model +table):\n%.3000s", diff)
	}
	if diff := cmp.Diff(past, got.Past, byName, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(inflight.Past{}, "Started")); diff != "" {
		t.Fatalf("past (-model +table):\n%.3000s", diff)
	}
	if got.Damage != "" || got.DamagedPast != 0 {
		t.Fatalf("damage %q, %d", got.Damage, got.DamagedPast)
	}
}

// overwritten reports whether a later run took the place of one in the history.
func (s *modelSlot) overwritten(generation uint64) bool {
	for _, later := range s.ended {
		if g := later.Name.Generation; g > generation && g%8 == generation%8 {
			return true
		}
	}
	return false
}
