package inflight

import (
	"bytes"
	"math"
	"testing"
)

func TestDecodeRecord_TakesWholeRecordsOnly(t *testing.T) {
	t.Parallel()
	place := make([]byte, pageSize)
	length, kept := encodeRecord(place, 1, &Begin{
		ID: "id", OrderingKey: "key", AckToken: "token", Data: []byte("data"), Attributes: map[string]string{"a": "1"},
	}, new(attributeNames))
	whole := place[recordHeader:length]
	if r, ok := decodeRecord(whole, kept); !ok || r.ackToken != "token" || string(r.message.Data) != "data" {
		t.Fatalf("a whole record: %+v, %t", r, ok)
	}
	for n := range whole {
		if r, ok := decodeRecord(whole[:n:n], kept); ok {
			t.Errorf("%d of %d bytes: %+v", n, len(whole), r)
		}
	}
	if r, ok := decodeRecord(place[recordHeader:length+1], kept); ok {
		t.Errorf("a byte too many: %+v", r)
	}
}

// Not parallel: it counts allocations.
func TestDecodeRecord_BelievesNoNumber(t *testing.T) {
	for _, n := range []int{3, 1 << 20, math.MaxInt32, -1} {
		e := encoder{to: make([]byte, 36)}
		for range 3 {
			e.put("")
		}
		e.number(n)
		allocations := testing.AllocsPerRun(1, func() {
			if r, ok := decodeRecord(e.to, flagHead|flagMessage); ok {
				t.Errorf("%d attributes in 20 bytes: %+v", n, r)
			}
		})
		if allocations > 4 {
			t.Errorf("%d attributes in 20 bytes: %v allocations", n, allocations)
		}
	}
}

// whileRead is a source that lets the worker go on whenever the arena is read.
type whileRead struct {
	mapping *Mapping
	worker  func()
}

func (w whileRead) ReadAt(p []byte, at int64) (int, error) {
	n, err := bytes.NewReader(w.mapping.memory).ReadAt(p, at)
	if at >= int64(w.mapping.geometry.arena()) {
		w.worker()
	}
	return n, err
}

func TestReader_NeverMixesTwoMessages(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		changes int
		damage  string
		id      string
	}{
		"nothing changes":        {0, "", "0"},
		"the slot changes once":  {1, "", "1"},
		"the slot changes twice": {2, "", "2"},
		"it never stands still":  {1000, Changing, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table, err := Create(Config{Slots: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer table.Close()
			mapping, err := Open(table.File())
			if err != nil {
				t.Fatal(err)
			}
			defer mapping.Close()
			region, err := mapping.Subscribe("orders", 1)
			if err != nil {
				t.Fatal(err)
			}
			messages := 0
			next := func() {
				if messages <= tt.changes {
					region.Begin(0, &Begin{ID: string(rune('0' + messages%10))})
					messages++
				}
			}
			next()
			s := reader{whileRead{mapping, next}, mapping.geometry}.snapshot()
			if len(s.Slots) != 1 || s.Slots[0].Damage != tt.damage || s.Slots[0].ID != tt.id || s.Slots[0].Missing != NotMissing {
				t.Errorf("slots = %+v, want message %q, damage %q", s.Slots, tt.id, tt.damage)
			}
		})
	}
}
