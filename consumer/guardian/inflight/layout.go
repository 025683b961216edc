package inflight

import (
	"bytes"
	"hash/crc32"
	"math"
	"time"
	"unsafe"
)

// The file, in this order, each part beginning at a whole page:
//
//	header         4096 B
//	subscriptions  128 x 256 B
//	slots          N x 256 B
//	history        N x 8 x 64 B: what the slot's last eight generations ran
//	arena          N x stride: the messages
//
// Numbers are in the byte order of the machine. The types below are the layout, for both sides: the
// writer lays them over the mapping, the reader over its private copy.
const (
	pageSize     = 4096 // of the layout, whatever the machine's is
	historyDepth = 8
	maxStride    = 64 << 10
	maxArena     = 64 << 20

	layoutVersion = 2
)

// magic begins every table. Its last byte shows transfers that change line ends.
var magic = [8]byte{'t', 'h', 'e', 'r', 'i', 'a', 'c', '\n'}

// headerPage begins the file. The guardian writes the first part once; the worker's part is single
// aligned words, set by atomic stores.
type headerPage struct {
	magic             [8]byte
	version           uint32
	slots             uint32
	stride            uint32
	reserved          uint32
	created           int64
	incarnationLength uint16
	buildLength       uint16
	reserved2         uint32
	incarnation       [maxIncarnation]byte
	build             [maxBuild]byte
	crc               uint32 // of everything above
	reserved3         [20]byte

	pid       uint64
	address   uint64
	resident  uint64
	started   int64
	ready     int64
	heartbeat int64
	stopping  int64
	clean     int64
	reserved4 [pageSize - 320]byte
}

// subscriptionCell names the subscription that holds a run of slots. It counts once used is set.
type subscriptionCell struct {
	used          uint64
	first         uint32
	slots         uint32
	crc           uint32 // of the two above and the name in use
	nameLength    uint16
	handlerLength uint16 // what follows the name is the handler's
	name          [MaxSubscriptionName]byte
}

// slotCell is one message in flight.
type slotCell struct {
	state         stateWord
	started       int64 // this and all other times: nanoseconds since 1970
	deadline      int64
	published     int64
	subscription  uint32
	attempt       uint32
	flags         uint32
	dataLength    uint32
	traceID       [16]byte
	spanID        [8]byte
	orderingHash  uint64
	recordCRC     uint32
	idLength      uint16
	generationLow uint16 // the low bits of the generation that these fields are of
	id            [maxSlotID]byte
	crc           uint32 // of the slot's index, and from started to the end of the id in use
}

// historyCell is what one generation of a slot ran.
type historyCell struct {
	generation    uint64 // 0: empty
	started       int64
	idLength      uint16 // of the id in the slot, at most 164
	outcome       uint8
	generationLow uint8
	id            [maxHistoryID]byte
	crc           uint32 // from started to the end of the id in use
}

// history is the last generations of one slot, generation g in cell g mod 8.
type history [historyDepth]historyCell

const (
	maxSlotID    = 164
	maxHistoryID = 40
)

// The types have exactly the sizes that the layout says, or the build fails here.
var (
	_ = [1]struct{}{}[unsafe.Sizeof(headerPage{})-pageSize]
	_ = [1]struct{}{}[unsafe.Sizeof(subscriptionCell{})-256]
	_ = [1]struct{}{}[unsafe.Sizeof(slotCell{})-256]
	_ = [1]struct{}{}[unsafe.Sizeof(historyCell{})-64]
)

// stateWord is generation<<8 | outcome<<2 | State: all that decides about blame, in one store.
type stateWord uint64

const (
	outcomeBits    = 6
	generationBits = 56
	maxOutcome     = 1<<outcomeBits - 1
)

func newStateWord(generation uint64, outcome uint8, state State) stateWord {
	return stateWord(generation<<8 | uint64(outcome)<<2 | uint64(state))
}

func (w stateWord) generation() uint64 { return uint64(w >> 8) }
func (w stateWord) outcome() uint8     { return uint8(w>>2) & maxOutcome }
func (w stateWord) state() State       { return State(w & 3) }

func (h *headerPage) sum() uint32 {
	return checksum(bytesOf(h)[:unsafe.Offsetof(h.crc)])
}

func (s *subscriptionCell) sum() uint32 {
	run := crc32.Update(0, castagnoli, bytesOf(&s.first))
	run = crc32.Update(run, castagnoli, bytesOf(&s.slots))
	return crc32.Update(run, castagnoli, s.name[:min(int(s.nameLength)+int(s.handlerLength), MaxSubscriptionName)])
}

// sum is the checksum of a slot in its place: what was copied over another slot is damage there.
func (c *slotCell) sum(slot int) uint32 {
	used := unsafe.Offsetof(c.id) + uintptr(min(c.idLength, maxSlotID))
	return crc32.Update(uint32(slot), castagnoli, bytesOf(c)[unsafe.Offsetof(c.started):used])
}

func (h *historyCell) sum() uint32 {
	used := unsafe.Offsetof(h.id) + uintptr(min(h.idLength, maxHistoryID))
	return checksum(bytesOf(h)[unsafe.Offsetof(h.started):used])
}

// castagnoli is the polynomial that processors compute.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// bytesOf returns the memory of v.
func bytesOf[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// nanos is how the table writes a time; 0 is the zero time and all that nanoseconds cannot hold.
func nanos(t time.Time) int64 {
	const bound = math.MaxInt64/int64(time.Second) - 1
	if s := t.Unix(); s < -bound || s > bound {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// geometry is where everything is in a table of so many slots.
type geometry struct{ slots int }

// stride is one slot's part of the arena.
func (g geometry) stride() int {
	return min(maxStride, maxArena/g.slots) / pageSize * pageSize
}

func (g geometry) subscriptions() int { return pageSize }

func (g geometry) cells() int {
	return g.subscriptions() + MaxSubscriptions*int(unsafe.Sizeof(subscriptionCell{}))
}

func (g geometry) histories() int {
	return wholePages(g.cells() + g.slots*int(unsafe.Sizeof(slotCell{})))
}

func (g geometry) arena() int {
	return wholePages(g.histories() + g.slots*int(unsafe.Sizeof(history{})))
}

func (g geometry) size() int { return g.arena() + g.slots*g.stride() }

func (g geometry) record(slot int) int { return g.arena() + slot*g.stride() }

func wholePages(n int) int { return (n + pageSize - 1) / pageSize * pageSize }

// check reports what is wrong with a header, "" for nothing.
func (h *headerPage) check() string {
	switch {
	case !bytes.Equal(h.magic[:], magic[:]):
		return "it does not begin as a table does"
	case h.version != layoutVersion:
		return "it was written by a program of another version"
	case h.crc != h.sum():
		return "its checksum is wrong"
	case h.slots < 1 || h.slots > MaxSlots || int(h.stride) != (geometry{int(h.slots)}).stride():
		return "its sizes are impossible"
	case h.incarnationLength > maxIncarnation || h.buildLength > maxBuild:
		return "its names are longer than they can be"
	}
	return ""
}
