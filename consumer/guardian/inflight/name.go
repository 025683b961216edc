package inflight

import (
	"fmt"
	"strconv"
	"strings"
)

// Name is one run of one message: the slot that it holds and the slot's generation. It is unique
// within a table. The zero Name names nothing.
type Name struct {
	// Slot counts over the whole table, from 0.
	Slot int
	// Generation counts the runs of the slot, from 1.
	Generation uint64
}

// String returns the form that goroutine labels carry, such as "12.4711".
func (n Name) String() string {
	var room [32]byte
	return string(n.Append(room[:0]))
}

// Append appends what String returns: at most 22 bytes.
func (n Name) Append(to []byte) []byte {
	to = append(strconv.AppendInt(to, int64(n.Slot), 10), '.')
	return strconv.AppendUint(to, n.Generation, 10)
}

// ParseName is the inverse of String. It refuses everything that String does not write, for labels
// are also set by others.
func ParseName(text string) (Name, error) {
	slot, generation, _ := strings.Cut(text, ".")
	s, errSlot := strconv.ParseUint(slot, 10, 16)
	g, errGeneration := strconv.ParseUint(generation, 10, generationBits)
	n := Name{Slot: int(s), Generation: g}
	if errSlot != nil || errGeneration != nil || s >= MaxSlots || g == 0 || n.String() != text {
		return Name{}, fmt.Errorf("%.40q is not the name of a slot: want slot.generation, such as 12.4711", text)
	}
	return n, nil
}
