package inflight_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/guardian/inflight"
)

// Where things are in the file of a table with two slots, as the documentation of the format says.
const (
	subscriptionsAt = 4096
	slotsAt         = subscriptionsAt + 128*256
	historyAt       = slotsAt + 4096
	arenaAt         = historyAt + 4096
)

// busyTable is a table in a folder: slot 0 is busy and has a past, slot 1 is busy too.
func busyTable(t *testing.T) *inflight.Table {
	t.Helper()
	table, mapping := pair(t, inflight.Config{Dir: t.TempDir(), Slots: 2, Incarnation: "worker-7"})
	region := subscribe(t, mapping)
	for i := range 3 {
		region.End(0, region.Begin(0, &inflight.Begin{ID: fmt.Sprint("past", i)}))
	}
	region.Begin(0, &inflight.Begin{ID: "first", Data: []byte("data")})
	region.Begin(1, &inflight.Begin{ID: "second", Data: []byte("data")})
	return table
}

// TestRead_ASlotCountsInItsOwnPlace: what was copied over another slot names nobody.
func TestRead_ASlotCountsInItsOwnPlace(t *testing.T) {
	t.Parallel()
	const slotBytes = 256
	table := busyTable(t)
	cell := make([]byte, slotBytes)
	if _, err := table.File().ReadAt(cell, slotsAt+slotBytes); err != nil {
		t.Fatal(err)
	}
	if _, err := table.File().WriteAt(cell, slotsAt); err != nil {
		t.Fatal(err)
	}
	got := table.Read().Slots
	if len(got) != 2 || !strings.Contains(got[0].Damage, "checksum") || got[0].ID != "" || got[1].ID != "second" {
		t.Errorf("slots %+v", got)
	}
}

func TestRead_ReportsDamageWhereItIs(t *testing.T) {
	t.Parallel()
	whole := busyTable(t).Read()
	for _, tt := range []struct {
		name  string
		at    int64
		bytes string
		want  func(*inflight.Snapshot)
	}{
		{"header: magic", 0, "x", func(s *inflight.Snapshot) { s.Damage = "header"; s.Status = inflight.Status{} }},
		{"header: incarnation", 41, "x", func(s *inflight.Snapshot) { s.Damage = "header"; s.Status = inflight.Status{} }},
		{"subscription: name", subscriptionsAt + 25, "x", func(s *inflight.Snapshot) {
			s.Slots[0] = damaged(s.Slots[0], "subscription")
			s.Slots[1] = damaged(s.Slots[1], "subscription")
			s.Past = slices.Clone(s.Past)
			for i := range s.Past {
				s.Past[i].Subscription = ""
			}
		}},
		{"slot: times", slotsAt + 9, "x", func(s *inflight.Snapshot) { s.Slots[0] = damaged(s.Slots[0], "checksum") }},
		{"slot: id", slotsAt + 89, "x", func(s *inflight.Snapshot) { s.Slots[0] = damaged(s.Slots[0], "checksum") }},
		{"slot: id length", slotsAt + 84, "\xff\xff", func(s *inflight.Snapshot) { s.Slots[0] = damaged(s.Slots[0], "id") }},
		{"slot: checksum", slotsAt + 252, "x", func(s *inflight.Snapshot) { s.Slots[0] = damaged(s.Slots[0], "checksum") }},
		{"slot: bytes behind the id", slotsAt + 240, "x", func(*inflight.Snapshot) {}},
		{"slot: generation", slotsAt + 1, "\x05", func(s *inflight.Snapshot) {
			s.Slots[0].Name.Generation = 5
			s.Slots[0] = damaged(s.Slots[0], "generation")
		}},
		{"slot: no generation", slotsAt + 1, "\x00", func(s *inflight.Snapshot) {
			s.Slots[0].Name.Generation = 0
			s.Slots[0] = damaged(s.Slots[0], "generation")
		}},
		{"slot: writing", slotsAt, "\x01", func(s *inflight.Snapshot) {
			s.Slots[0] = inflight.Slot{Name: s.Slots[0].Name, State: inflight.Writing}
		}},
		{"history", historyAt + 64 + 8, "x", func(s *inflight.Snapshot) {
			s.Past, s.DamagedPast = append(s.Past[:0:0], s.Past[1:]...), 1
		}},
		{"history: in another's place", historyAt + 64, "\x02", func(s *inflight.Snapshot) {
			s.Past, s.DamagedPast = append(s.Past[:0:0], s.Past[1:]...), 1
		}},
		{"record: generation", arenaAt, "\x63", lostCopy},
		{"record: length", arenaAt + 8, "\xff\xff\xff\xff\xff\xff\xff\xff", lostCopy},
		{"record: no length", arenaAt + 8, "\x00", lostCopy},
		{"record: data", arenaAt + 16 + 4 + 5, "x", lostCopy},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			table := busyTable(t)
			if _, err := table.File().WriteAt([]byte(tt.bytes), tt.at); err != nil {
				t.Fatal(err)
			}
			want, got := whole, table.Read()
			want.Slots = append([]inflight.Slot(nil), whole.Slots...)
			tt.want(&want)
			if diff := cmp.Diff(want, got, about()...); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, slot := range got.Slots {
				if _, live := got.Live(slot.Name); live != (slot.Damage == "" && slot.State == inflight.Busy) {
					t.Errorf("live = %t of %+v", live, slot)
				}
			}
		})
	}
}

func damaged(s inflight.Slot, how string) inflight.Slot {
	return inflight.Slot{Name: s.Name, State: s.State, Damage: how}
}

func lostCopy(s *inflight.Snapshot) {
	s.Slots[0].Message, s.Slots[0].Missing = nil, inflight.CopyDamaged
}

// about compares snapshots of different tables: times differ, and of damage one word must be there.
func about() []cmp.Option {
	is := func(fields ...string) func(cmp.Path) bool {
		return func(p cmp.Path) bool {
			for _, field := range fields {
				if p.String() == field {
					return true
				}
			}
			return false
		}
	}
	return []cmp.Option{
		cmp.FilterPath(is("Past.Started", "Status.Created", "Status.Started", "Status.Address"), cmp.Ignore()),
		cmp.FilterPath(is("Damage", "Slots.Damage"), cmp.Comparer(func(a, b string) bool {
			return (a == "") == (b == "") && (strings.Contains(a, b) || strings.Contains(b, a))
		})),
	}
}

func TestRead_OfAFileThatWasCut(t *testing.T) {
	t.Parallel()
	for size, slots := range map[int64]int{
		0: 0, 4095: 0, subscriptionsAt: 0, slotsAt: 0, slotsAt + 256: 1, historyAt: 2, arenaAt: 2, arenaAt + 10: 2,
	} {
		table, err := inflight.Load(copyOf(t, busyTable(t).Path()))
		if err != nil {
			t.Fatal(err)
		}
		noError(t, os.Truncate(table.Path(), size))
		s := table.Read()
		if len(s.Slots) != slots {
			t.Errorf("%d bytes: %d slots, want %d", size, len(s.Slots), slots)
		}
		if cut := size < arenaAt; (s.Damage != "") != cut {
			t.Errorf("%d bytes: damage %q", size, s.Damage)
		}
		for _, slot := range s.Slots {
			if slot.Damage != "" || slot.Missing != inflight.CopyDamaged {
				t.Errorf("%d bytes: %+v", size, slot)
			}
		}
		_, err = table.Status()
		if damaged := errors.Is(err, inflight.ErrDamaged); damaged != (size < 4096) {
			t.Errorf("%d bytes: Status = %v", size, err)
		}
		noError(t, table.Close())
	}
}

func copyOf(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), inflight.FileName)
	if err := os.WriteFile(to, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestLoadAndOpen_RefuseADamagedHeader(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(busyTable(t).Path())
	if err != nil {
		t.Fatal(err)
	}
	at := func(offset int, bytes ...byte) []byte {
		changed := append([]byte(nil), whole[:8192]...)
		copy(changed[offset:], bytes)
		return changed
	}
	slots := binary.NativeEndian.AppendUint32(nil, 1<<31)
	for name, content := range map[string][]byte{
		"empty": {}, "short": whole[:4095], "magic": at(0, 'T'), "version": at(8, 99), "slots": at(12, slots...),
		"stride": at(16, 1), "checksum": at(232, 1, 2, 3, 4), "incarnation length": at(32, 255, 255), "zeros": make([]byte, 8192),
	} {
		path := filepath.Join(t.TempDir(), "table")
		noError(t, os.WriteFile(path, content, 0o600))
		if _, err := inflight.Load(path); !errors.Is(err, inflight.ErrDamaged) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: Load = %v", name, err)
		}
		checkOpenRefuses(t, path)
	}
	cut := filepath.Join(t.TempDir(), "table")
	noError(t, os.WriteFile(cut, whole[:len(whole)-1], 0o600))
	checkOpenRefuses(t, cut)
	if _, err := inflight.Load(t.TempDir()); !errors.Is(err, inflight.ErrDamaged) {
		t.Errorf("Load of a folder = %v", err)
	}
}

func checkOpenRefuses(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := inflight.Open(f); !errors.Is(err, inflight.ErrDamaged) {
		t.Errorf("%s: Open = %v", path, err)
	}
}
