package crashtrace

import (
	"strconv"
	"strings"
)

// LabelKey is the key of the goroutine label that names a use of a slot.
const LabelKey = "theriac"

// Bounds of a label's numbers in bits: a slot is an int on every platform, and a slot's state word
// leaves 62 bits to the generation.
const (
	slotBits       = 31
	generationBits = 62
)

// Label names one use of one slot of the in-flight table. Its text, the value of the goroutine
// label, is "slot.generation", such as "12.4711".
type Label struct {
	// Slot is the index of the slot, Generation which use of it.
	Slot       int
	Generation uint64
}

// String returns the value of the goroutine label.
func (l Label) String() string {
	return strconv.Itoa(l.Slot) + "." + strconv.FormatUint(l.Generation, 10)
}

// ParseLabel reads the value of a goroutine label. It accepts exactly what String returns, for slots
// below 2^31 and generations below 2^62.
func ParseLabel(value string) (Label, bool) {
	slot, generation, ok := strings.Cut(value, ".")
	if !ok {
		return Label{}, false
	}
	s, ok := parseDecimal(slot, slotBits)
	if !ok {
		return Label{}, false
	}
	g, ok := parseDecimal(generation, generationBits)
	return Label{Slot: int(s), Generation: g}, ok
}

// parseDecimal reads digits without sign or leading zero.
func parseDecimal(digits string, bits int) (uint64, bool) {
	if len(digits) > 1 && digits[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, bits)
	if err != nil {
		return 0, false
	}
	return n, true
}
