package inflight

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"sync/atomic"
	"time"
	"unsafe"
)

// Begin is what the table keeps of a message. Nothing in it is parsed; every string and payload may
// hold any bytes.
type Begin struct {
	// ID is the broker's id of the message. Of one that is longer than 164 bytes the beginning and a
	// hash are kept in the slot, the whole with the message's copy.
	ID string
	// OrderingKey is the key within which the broker keeps order, or "".
	OrderingKey string
	// AckToken is what another process needs to settle the delivery with the broker, or "" where the
	// broker has no such thing.
	AckToken string
	// Data and Attributes are the message itself. They are kept both or neither, see [TooLarge].
	Data       []byte
	Attributes map[string]string
	// Attempt is the number of the attempt, from 1.
	Attempt int
	// Started and Deadline bound the attempt. Times are kept to the nanosecond; those before 1678 or
	// after 2261, and the zero time, are kept as zero.
	Started, Deadline time.Time
	// Published is when the broker took the message.
	Published time.Time
	// TraceID and SpanID name the span of the attempt. Zero means none.
	TraceID [16]byte
	SpanID  [8]byte
	// Flags say how it runs.
	Flags Flags
}

// Flags say how a message runs.
type Flags uint32

// The flags.
const (
	// InWard is set when it runs alone, in a ward.
	InWard Flags = 1 << iota
	// Ordered is set when later messages of its ordering key wait for it.
	Ordered

	// What Begin found out, for the reader.
	flagIDCut   // the slot has the beginning of the id and a hash
	flagHead    // the record has id, ordering key and ack token
	flagMessage // the record also has attributes and data

	ownFlags = InWard | Ordered
)

// State is the state of a slot.
type State uint8

// The states, in the order in which a slot passes through them.
const (
	// Free means that no message holds the slot.
	Free State = iota
	// Writing means that the handler was not yet called.
	Writing
	// Busy means that the handler runs.
	Busy
	// Settling means that the handler is over, and its message not yet settled.
	Settling
)

// String returns the state's name in lower case.
func (s State) String() string {
	return [...]string{"free", "writing", "busy", "settling"}[s&3]
}

// Region is the run of slots that one subscription holds, numbered from 0. A slot has one owner at
// a time, who alone calls Begin, Trace, Return and End for it; different slots may be used at the same time.
// A slot number outside the region is a mistake of the program, and panics.
type Region struct {
	mapping *Mapping
	index   uint32
	first   int
	slots   int
	names   attributeNames
}

// Name names one run of a message in a slot of the region, for the label of its goroutine.
func (r *Region) Name(slot int, generation uint64) Name {
	return Name{Slot: r.global(slot), Generation: generation}
}

// Begin writes a message into a slot and returns the generation that it runs under. The handler is
// called after Begin has returned. Begin keeps nothing of b. Whatever the slot held before is over.
func (r *Region) Begin(slot int, b *Begin) (generation uint64) {
	n := r.global(slot)
	c := r.mapping.cell(n)
	generation = c.load().generation() + 1
	c.store(newStateWord(generation, 0, Writing))

	record := r.mapping.record(n)
	length, kept := encodeRecord(record, generation, b, &r.names)
	c.recordCRC = checksum(record[:length])
	c.fill(generation, b, kept)
	c.subscription = r.index
	c.crc = c.sum(n)

	c.store(newStateWord(generation, 0, Busy))
	return generation
}

// Trace adds the span of the attempt to a slot that Begin filled, where the span is made after that.
// While it writes, the state is Writing again: the handler was still not called, and a death in the
// middle is nobody's fault. So it must be called before the handler. Trace reports whether the slot was
// busy with that generation; if not, it did nothing.
func (r *Region) Trace(slot int, generation uint64, traceID [16]byte, spanID [8]byte) bool {
	n := r.global(slot)
	c := r.mapping.cell(n)
	w := c.load()
	if w.generation() != generation || w.state() != Busy {
		return false
	}
	c.store(newStateWord(generation, 0, Writing))
	c.traceID, c.spanID = traceID, spanID
	c.crc = c.sum(n)
	c.store(w)
	return true
}

// Return says that the handler is over: from here on a death is not charged to its message. The
// outcome is the caller's number, at most 63, of what it found. Return reports whether the slot was
// busy with that generation; if not, it did nothing.
func (r *Region) Return(slot int, generation uint64, outcome uint8) bool {
	c := r.mapping.cell(r.global(slot))
	if w := c.load(); w.generation() != generation || w.state() != Busy {
		return false
	}
	c.store(newStateWord(generation, min(outcome, maxOutcome), Settling))
	return true
}

// End says that the message is settled, frees its slot and remembers what it was. Without a Return
// before, its outcome is 0. End reports whether the slot held that generation; if not, it did nothing.
func (r *Region) End(slot int, generation uint64) bool {
	n := r.global(slot)
	c := r.mapping.cell(n)
	w := c.load()
	if s := w.state(); w.generation() != generation || s != Busy && s != Settling {
		return false
	}
	r.mapping.history(n)[generation%historyDepth].write(c, w)
	c.store(newStateWord(generation, w.outcome(), Free))
	return true
}

func (r *Region) global(slot int) int {
	if uint(slot) >= uint(r.slots) {
		panic(fmt.Sprintf("inflight: slot %d of a region of %d", slot, r.slots))
	}
	return r.first + slot
}

func (m *Mapping) cell(slot int) *slotCell {
	return (*slotCell)(unsafe.Add(m.base, m.geometry.cells()+slot*int(unsafe.Sizeof(slotCell{}))))
}

func (m *Mapping) history(slot int) *history {
	return (*history)(unsafe.Add(m.base, m.geometry.histories()+slot*int(unsafe.Sizeof(history{}))))
}

func (m *Mapping) record(slot int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(m.base, m.geometry.record(slot))), m.geometry.stride())
}

func (c *slotCell) load() stateWord {
	return stateWord(atomic.LoadUint64((*uint64)(&c.state)))
}

func (c *slotCell) store(w stateWord) { atomic.StoreUint64((*uint64)(&c.state), uint64(w)) }

// fill writes the fields of a message, all but the checksums.
func (c *slotCell) fill(generation uint64, b *Begin, kept Flags) {
	c.started, c.deadline, c.published = nanos(b.Started), nanos(b.Deadline), nanos(b.Published)
	c.attempt = uint32(max(0, min(b.Attempt, math.MaxInt32)))
	c.dataLength = uint32(min(uint64(len(b.Data)), math.MaxUint32))
	c.traceID, c.spanID = b.TraceID, b.SpanID
	c.orderingHash = OrderingHash(b.OrderingKey)
	c.generationLow = uint16(generation)
	if len(b.ID) > maxSlotID {
		kept |= flagIDCut
		c.cutID(b.ID)
	} else {
		c.idLength = uint16(copy(c.id[:], b.ID))
	}
	c.flags = uint32(b.Flags&ownFlags | kept)
}

// cutID writes the beginning of a long id and, in place of the rest, a hash of all of it.
func (c *slotCell) cutID(id string) {
	sum := sha256.Sum256(unsafe.Slice(unsafe.StringData(id), len(id)))
	const digits = 16
	copy(c.id[:maxSlotID-digits], id)
	hex.Encode(c.id[maxSlotID-digits:], sum[:digits/2])
	c.idLength = maxSlotID
}

// write remembers the slot's message. The entry is empty while it is written.
func (h *historyCell) write(c *slotCell, w stateWord) {
	atomic.StoreUint64(&h.generation, 0)
	h.started = c.started // when it ended would cost a look at the clock
	h.outcome = w.outcome()
	h.generationLow = uint8(w.generation())
	h.idLength = min(c.idLength, maxSlotID)
	copy(h.id[:], c.id[:h.idLength])
	h.crc = h.sum()
	atomic.StoreUint64(&h.generation, w.generation())
}

// OrderingHash is the hash of an ordering key that slots carry even when there was no room for the
// key itself: 64-bit FNV-1a, and 0 for the empty key.
func OrderingHash(key string) uint64 {
	if key == "" {
		return 0
	}
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	return h
}
