package inflight

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"unsafe"
)

// FuzzLoad gives a guardian a file of anything: a header that is whole or not, and bytes somewhere
// behind it.
func FuzzLoad(f *testing.F) {
	g := geometry{slots: 1}
	whole := bytesOf(newHeader(Config{Incarnation: "worker-7"}, g))
	f.Add(whole[:320], uint16(0), []byte{1})
	f.Add([]byte{}, uint16(g.cells()), bytes.Repeat([]byte{0xff}, 256))
	f.Add([]byte("theriac\n"), uint16(g.histories()), bytes.Repeat([]byte{0xff}, 512))
	path := filepath.Join(f.TempDir(), FileName)
	f.Fuzz(func(t *testing.T, header []byte, at uint16, body []byte) {
		content := make([]byte, max(len(header), int(at)+len(body)))
		copy(content, whole)
		copy(content, header)
		copy(content[at:], body)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		table, err := Load(path)
		if err != nil {
			return
		}
		defer table.Close()
		checkSnapshot(t, table.Read())
	})
}

// FuzzRead fills a table with anything but mends every checksum, so that what lies behind them is met.
func FuzzRead(f *testing.F) {
	g := geometry{slots: 2}
	begin := &Begin{ID: "id", OrderingKey: "key", AckToken: "token", Data: []byte("data"), Attributes: map[string]string{"a": "1"}}
	cell, place := slotCell{}, make([]byte, 200)
	length, kept := encodeRecord(place, 1, begin, new(attributeNames))
	cell.fill(1, begin, kept)
	cell.state = newStateWord(1, 0, Busy)
	past := historyCell{}
	past.write(&cell, cell.state)
	f.Add(bytesOf(&cell), place[:length], bytesOf(&past), []byte{1})
	f.Add(bytes.Repeat([]byte{0xff}, 256), bytes.Repeat([]byte{0xff}, 100), bytes.Repeat([]byte{0xff}, 64), bytes.Repeat([]byte{0xff}, 100))
	f.Fuzz(func(t *testing.T, cell, record, past, subscription []byte) {
		memory := make([]byte, g.size())
		copy(memory, bytesOf(newHeader(Config{}, g)))
		arena := memory[g.record(0):][:g.stride()]
		copy(arena, record)

		s := (*subscriptionCell)(unsafe.Pointer(&memory[g.subscriptions()]))
		s.used, s.slots = 1, 2
		copy(bytesOf(s)[8:], subscription)
		s.crc = s.sum()
		c := (*slotCell)(unsafe.Pointer(&memory[g.cells()]))
		copy(bytesOf(c), cell)
		c.generationLow = uint16(c.state.generation())
		*(*uint64)(unsafe.Pointer(&arena[0])) = c.state.generation()
		*(*uint64)(unsafe.Pointer(&arena[8])) = uint64(recordHeader + max(0, min(len(record), len(arena))-recordHeader))
		c.recordCRC = checksum(arena[:*(*uint64)(unsafe.Pointer(&arena[8]))])
		c.crc = c.sum(0)
		h := (*historyCell)(unsafe.Pointer(&memory[g.histories()]))
		copy(bytesOf(h), past)
		h.generationLow, h.crc = uint8(h.generation), h.sum()

		checkSnapshot(t, reader{bytes.NewReader(memory), g}.snapshot())
	})
}

// checkSnapshot holds for every table, whatever its bytes.
func checkSnapshot(t *testing.T, s Snapshot) {
	for _, slot := range s.Slots {
		known := slot.State == Busy || slot.State == Settling
		if slot.State == Free && slot.Damage == "" {
			t.Errorf("a free slot is listed: %+v", slot)
		}
		if (slot.Damage != "" || !known) && (slot.ID != "" || slot.Subscription != "" || slot.Message != nil) {
			t.Errorf("a slot that is damaged or half written says who it is: %+v", slot)
		}
		if slot.Damage == "" && known && (slot.Message == nil) != (slot.Missing != NotMissing) {
			t.Errorf("a slot without message does not say why: %+v", slot)
		}
		if _, live := s.Live(slot.Name); live && (slot.Damage != "" || slot.State != Busy || slot.Name.Generation == 0) {
			t.Errorf("a slot is live that must not be: %+v", slot)
		}
	}
	for _, past := range s.Past {
		if past.Name.Generation == 0 || len(past.ID) > maxHistoryID {
			t.Errorf("impossible past: %+v", past)
		}
	}
}
