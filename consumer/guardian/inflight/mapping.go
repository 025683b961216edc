package inflight

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// ErrFull is what Subscribe wraps when the table has no more room for the region asked for.
var ErrFull = errors.New("the in-flight table is full")

// Mapping is the worker's side of a table: shared memory that outlives the worker. Its methods are
// safe for concurrent use, except Close.
type Mapping struct {
	memory   []byte
	base     unsafe.Pointer
	geometry geometry

	mu      sync.Mutex // over what Subscribe hands out
	regions int
	taken   int
}

// Open maps the table in f, a descriptor inherited from the guardian, and writes this process's id
// and the mapped address into its header. It checks that f is a whole table of this version; what is
// not is an error that wraps ErrDamaged. It keeps no descriptor, so the caller closes f, whenever it
// likes; f is not inherited by programs started later. One process opens a table once.
func Open(f *os.File) (*Mapping, error) {
	m, err := open(f)
	if err != nil {
		return nil, fmt.Errorf("open the in-flight table: %w", err)
	}
	h := m.header()
	atomic.StoreUint64(&h.pid, uint64(os.Getpid()))
	atomic.StoreUint64(&h.address, uint64(uintptr(m.base)))
	atomic.StoreInt64(&h.started, time.Now().UnixNano())
	return m, nil
}

func open(f *os.File) (*Mapping, error) {
	h, err := readHeader(f)
	if err != nil {
		return nil, err
	}
	g := geometry{slots: int(h.slots)}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() < int64(g.size()) {
		return nil, fmt.Errorf("%w: it has %d of %d bytes", ErrDamaged, info.Size(), g.size())
	}
	memory, err := mapFile(f, g.size())
	if err != nil {
		return nil, err
	}
	return &Mapping{memory: memory, base: unsafe.Pointer(&memory[0]), geometry: g}, nil
}

// Close gives the memory back, not the table, which keeps saying what it says. Nothing may use the
// mapping or its regions afterwards: touching them is a fault that ends the process. A worker that
// is about to exit need not close it.
func (m *Mapping) Close() error {
	m.base = nil
	return unmap(m.memory)
}

// Slots is the number of slots of the whole table.
func (m *Mapping) Slots() int { return m.geometry.slots }

// Subscribe takes a run of slots for the subscription of that name, for as long as the process
// lives. A subscription that is started again needs a new run. An error wraps ErrFull when the table
// has too few slots left or too many regions.
func (m *Mapping) Subscribe(name string, slots int) (*Region, error) {
	return m.SubscribeHandler(name, "", slots)
}

// SubscribeHandler is Subscribe for a subscription whose handler has a name that people know, of which
// as much is kept as there is room beside the subscription's: both together have 232 bytes.
func (m *Mapping) SubscribeHandler(name, handler string, slots int) (*Region, error) {
	if name == "" || len(name) > MaxSubscriptionName {
		return nil, fmt.Errorf("subscription %.40q: a name has 1 to %d bytes", name, MaxSubscriptionName)
	}
	if slots < 1 {
		return nil, fmt.Errorf("subscription %q: %d slots, want at least 1", name, slots)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.regions == MaxSubscriptions {
		return nil, fmt.Errorf("subscription %q: %w: it has %d subscriptions; spread them over several workers",
			name, ErrFull, m.regions)
	}
	if left := m.geometry.slots - m.taken; slots > left {
		return nil, fmt.Errorf("subscription %q: %w: %d slots wanted, %d of %d left; make the table with more",
			name, ErrFull, slots, left, m.geometry.slots)
	}
	r := &Region{mapping: m, index: uint32(m.regions), first: m.taken, slots: slots}
	m.writeSubscription(r, name, handler)
	m.regions++
	m.taken += slots
	return r, nil
}

func (m *Mapping) writeSubscription(r *Region, name, handler string) {
	cell := (*subscriptionCell)(unsafe.Add(m.base, m.geometry.subscriptions()+int(r.index)*int(unsafe.Sizeof(subscriptionCell{}))))
	cell.first, cell.slots = uint32(r.first), uint32(r.slots)
	cell.nameLength = uint16(copy(cell.name[:], name))
	cell.handlerLength = uint16(copy(cell.name[cell.nameLength:], handler))
	cell.crc = cell.sum()
	atomic.StoreUint64(&cell.used, 1)
}

// MarkReady says that the worker does its work from now on. A worker that dies before it had no
// message to blame.
func (m *Mapping) MarkReady() { mark(&m.header().ready) }

// Heartbeat says that the worker still does things.
func (m *Mapping) Heartbeat() { mark(&m.header().heartbeat) }

// MarkStopping says that the worker was asked to stop: from now on a death is charged to nobody.
func (m *Mapping) MarkStopping() { mark(&m.header().stopping) }

// MarkClean says that the worker ended as it should; it is its last act. An exit without it is a
// death, whatever the exit code.
func (m *Mapping) MarkClean() { mark(&m.header().clean) }

// SetResident tells the guardian how many bytes of memory the worker has, on systems where it cannot
// ask.
func (m *Mapping) SetResident(bytes uint64) { atomic.StoreUint64(&m.header().resident, bytes) }

func mark(at *int64) { atomic.StoreInt64(at, time.Now().UnixNano()) }

func (m *Mapping) header() *headerPage { return (*headerPage)(m.base) }

// Read reads the whole table from inside the worker, as [Table.Read] does from outside.
func (m *Mapping) Read() Snapshot {
	return reader{bytes.NewReader(m.memory), m.geometry}.snapshot()
}
