package inflight

import (
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// TestEncodeRecord_AttributesOfAnyNames: messages with the names that were learned, fewer, more,
// others and as many others, whose values fit or do not.
func TestEncodeRecord_AttributesOfAnyNames(t *testing.T) {
	t.Parallel()
	var names attributeNames
	place, random := make([]byte, pageSize), rand.New(rand.NewPCG(1, 2))
	usual, other, cut := 0, 0, 0
	for i := range 20_000 {
		attributes := map[string]string{}
		for range random.IntN(4) {
			attributes["name-"+strconv.Itoa(random.IntN(3))] = strings.Repeat("v", random.IntN(1000))
		}
		if len(names.usual()) == len(attributes) && maps.EqualFunc(attributes, setOf(names.usual()), func(string, bool) bool { return true }) {
			usual++
		} else {
			other++
		}
		begin := &Begin{ID: strconv.Itoa(i), Data: make([]byte, random.IntN(3000)), Attributes: attributes}
		length, kept := encodeRecord(place, 1, begin, &names)
		r, ok := decodeRecord(place[recordHeader:length], kept)
		if !ok || r.id != begin.ID {
			t.Fatalf("message %d does not come back: %+v", i, r)
		}
		if r.message == nil {
			cut++
			continue
		}
		if !maps.Equal(r.message.Attributes, attributes) || len(r.message.Data) != len(begin.Data) {
			t.Fatalf("message %d has attributes %q, %d bytes; want %q, %d", i, r.message.Attributes, len(r.message.Data),
				attributes, len(begin.Data))
		}
	}
	if usual < 1000 || other < 1000 || cut < 100 {
		t.Errorf("%d messages with the usual names, %d with others, %d cut: too few to prove anything", usual, other, cut)
	}
}

func setOf(names []string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		set[name] = true
	}
	return set
}

// TestAttributeNames_AreBounded: they come from outside.
func TestAttributeNames_AreBounded(t *testing.T) {
	t.Parallel()
	many := map[string]string{}
	for i := range maxNames + 1 {
		many[strconv.Itoa(i)] = ""
	}
	for name, attributes := range map[string]map[string]string{
		"too many": many,
		"too long": {strings.Repeat("n", maxNameBytes+1): ""},
	} {
		var names attributeNames
		for range 2 * relearn {
			names.missed(attributes)
		}
		if got := names.usual(); got != nil {
			t.Errorf("%s: %d names are kept", name, len(got))
		}
	}
}

// Not parallel: it counts allocations.
func TestEncodeRecord_UsualNames_NoAllocation(t *testing.T) {
	var names attributeNames
	place := make([]byte, pageSize)
	begin := &Begin{ID: "1", Attributes: map[string]string{"type": "order", "version": "3"}}
	encodeRecord(place, 1, begin, &names)
	if n := testing.AllocsPerRun(100, func() { encodeRecord(place, 1, begin, &names) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if names.misses.Load() != 1 {
		t.Errorf("the names of all messages were the same, and %d had others", names.misses.Load())
	}
}
