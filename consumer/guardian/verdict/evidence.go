package verdict

import (
	"strconv"
	"time"
)

// Name is one use of one slot of the in-flight table. Generations count from 1;
// the zero Name is nobody.
type Name struct {
	// Slot is the index of the slot, Generation which use of it.
	Slot       int
	Generation uint64
}

// String returns the name as labels show it, such as "12.4711".
func (n Name) String() string {
	return strconv.Itoa(n.Slot) + "." + strconv.FormatUint(n.Generation, 10)
}

// State is what a slot was doing when the process died.
type State uint8

// The states. Only a busy slot can be blamed.
const (
	// Free: nothing runs in it.
	Free State = iota
	// Writing: the message is being written down; the handler was not yet called.
	Writing
	// Busy: the handler runs.
	Busy
	// Settling: the handler is over, its outcome is being settled.
	Settling
)

// Slot is one slot of the in-flight table, as it was found.
type Slot struct {
	Name  Name
	State State
	// ID is the id of its message, shown in notes only.
	ID string
	// Outcome is the handler's outcome in words while Settling, else "".
	Outcome string
	// Started is when the slot was begun, by the worker's clock.
	Started time.Time
	// Overdue: the message is past its deadline and its grace.
	Overdue bool
	// InWard: the process is a ward and runs this message alone.
	InWard bool
	// Damaged: a checksum did not fit. Nothing else in the slot is believed.
	Damaged bool
}

// Goroutine is what the trace says of one goroutine.
type Goroutine struct {
	// Labels are the names it carries, in the order of the trace.
	Labels []Name
	// Running: its state is running or runnable.
	Running bool
	// Allocating: its frames show that it was asking for memory.
	Allocating bool
}

// Trace is what the runtime printed on the crash pipe.
type Trace struct {
	// Header: a goroutine header came in time. Without it there is no trace.
	Header bool
	// OwnFault: the kind of death is on the list of kinds that are the fault of
	// the goroutine that died. A kind that is not known is not on it.
	OwnFault bool
	// FirstCut: what it printed of the goroutine that died broke off.
	FirstCut bool
	// First is the goroutine that died, Others are the rest of the dump.
	First  Goroutine
	Others []Goroutine
	// Complete: the dump came to its end. While it is still being read it is
	// not complete, so a verdict of tier B is asked for again at the end.
	Complete bool
}

// Exit is how the process ended.
type Exit struct {
	// Known: it was reaped. The first block of a trace is acted on before that.
	Known bool
	// Signal is the signal that ended it, or 0. Code is its exit code when no
	// signal did.
	Signal int
	Code   int
}

// Codes of an exit.
const (
	// CodeClean is the exit code of the shutdown path; with the clean flag, and
	// only with it, it is a clean exit.
	CodeClean = 77
	// CodeRuntime is the exit code of the Go runtime after a trace.
	CodeRuntime = 2
)

// Ended is the guardian's own reason for ending a process.
type Ended uint8

// The reasons of the guardian.
const (
	// EndedNot: it died by itself, or of somebody else.
	EndedNot Ended = iota
	// EndedMemory: it came too near to the limit of memory.
	EndedMemory
	// EndedHang: a handler was past its grace.
	EndedHang
	// EndedRecycle: it was to be replaced: by a new build, for too many abandoned
	// goroutines, or because others needed its memory.
	EndedRecycle
	// EndedStill: the whole process did nothing any more.
	EndedStill
)

// Evidence is everything that is known of a death. The zero value is a process
// that died before it was ready.
type Evidence struct {
	// Slots are the slots of the table that are not free, or damaged; free ones
	// may be left out.
	Slots []Slot
	// History holds the ids of messages that ended in the process, by slot and
	// generation, as far as the table remembers.
	History map[Name]string
	// Trace is what came on the crash pipe, nil if nothing did.
	Trace *Trace
	Exit  Exit
	// Clean, Stopping and Ready are the flags of the table's header: the shutdown
	// path came to its end, a shutdown was asked for, messages could be pulled.
	Clean, Stopping, Ready bool
	// HeaderDamaged: the table's header cannot be believed. A flag that is set is
	// then known from elsewhere, as the guardian knows that it asked for a
	// shutdown; of one that is not, nothing is known. So nobody is convicted, and
	// nobody is charged.
	HeaderDamaged bool
	// Ended is the guardian's own part in it.
	Ended Ended
	// TableFault: it died of a fault at an address inside the table.
	TableFault bool
}
