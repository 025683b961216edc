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
	return appendNumber(append(appendNumber(to, uint64(n.Slot)), '.'), n.Generation)
}

// appendNumber writes the digits where they belong, from the last. strconv writes them elsewhere, two
// at a time, and copies them from there before the processor has stored them, which costs each message
// 60 ns of waiting.
func appendNumber(to []byte, n uint64) []byte {
	digits := 1
	for rest := n; rest >= 10; rest /= 10 {
		digits++
	}
	for range digits {
		to = append(to, '0')
	}
	for at := len(to) - 1; ; at-- {
		to[at] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return to
		}
	}
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
