package inflight

import "time"

// Snapshot is what a table said, as plain data. It is made of bytes that a dying process wrote, so
// look at Damage before anything is concluded from it.
type Snapshot struct {
	// Status is the header, zero when that is damaged.
	Status Status
	// Damage says what of the table as a whole could not be read, "" for nothing. Whether the worker was
	// stopping is then unknown, so nobody can be blamed.
	Damage string
	// Slots are all slots that are not free, by number.
	Slots []Slot
	// Past is what the slots ran before, up to eight messages each, in no order.
	Past []Past
	// DamagedPast is how many entries of the past are damaged and left out.
	DamagedPast int
}

// Status is the header of a table.
type Status struct {
	// Incarnation and Build are those of the Config.
	Incarnation, Build string
	// Capacity is the number of slots.
	Capacity int
	// Created is when the guardian made the table.
	Created time.Time

	// PID is the worker's process id, and 0 before it opened the table. This and all below is what the
	// worker says of itself.
	PID int
	// Address is where the worker has mapped the table, and Size how many bytes from there.
	Address, Size uint64
	// ResidentBytes is the worker's memory where the guardian cannot ask, else 0.
	ResidentBytes uint64
	// Started, Ready, Heartbeat, Stopping and Clean are when the worker last said so, zero if never.
	Started, Ready, Heartbeat, Stopping, Clean time.Time
}

// Contains reports whether a fault at that address was inside the worker's mapping: then the table's
// file failed, and no message is to blame.
func (s Status) Contains(address uint64) bool {
	return s.Address != 0 && address >= s.Address && address-s.Address < s.Size
}

// Slot is a slot that is not free.
type Slot struct {
	// Name is the slot and the generation that holds it.
	Name Name
	// State is what the slot was doing.
	State State
	// Damage says why nothing but Name and State is known, and even these are in doubt; "" for sound. A
	// damaged slot must convict nobody.
	Damage string

	// What follows is zero in a damaged slot, and in one in state Writing, whose message is innocent and
	// half written.

	// Outcome is what Return was told; it counts in state Settling.
	Outcome uint8
	// Subscription is the name of the subscription that owns the slot, Handler that of its handler, "" if
	// it has none.
	Subscription, Handler string
	// ID is the message's id. IDCut is set when only its first 148 bytes and 16 digits of a hash are
	// known.
	ID    string
	IDCut bool
	// Attempt, Started, Deadline, Published, TraceID, SpanID and Flags are those of Begin.
	Attempt                      int
	Started, Deadline, Published time.Time
	TraceID                      [16]byte
	SpanID                       [8]byte
	Flags                        Flags
	// OrderingHash is the OrderingHash of the ordering key, known even if the key is not.
	OrderingHash uint64
	// DataBytes is the length of the message's data.
	DataBytes uint32

	// OrderingKey and AckToken are those of Begin, "" if they are Missing.
	OrderingKey, AckToken string
	// Message is the copy of attributes and data, nil if they are Missing.
	Message *Message
	// Missing says why there is no Message.
	Missing Missing
}

// Missing is why a slot has no copy of its message.
type Missing string

// The reasons.
const (
	// NotMissing means that the copy is there.
	NotMissing Missing = ""
	// TooLarge means that attributes and data did not fit. Ordering key and ack token are there.
	TooLarge Missing = "too large"
	// HeadTooLarge means that not even id, ordering key and ack token did fit.
	HeadTooLarge Missing = "id, ordering key or ack token too large"
	// CopyDamaged means that the copy was kept but is no longer what was written.
	CopyDamaged Missing = "damaged"
)

// Changing is the Damage of a slot that did not stand still: its worker lives.
const Changing = "it changed while it was read"

// Past is a run that ended.
type Past struct {
	// Name is the slot and generation that it had.
	Name Name
	// Subscription is the name of the subscription that owns the slot, "" if that is damaged.
	Subscription string
	// ID is the beginning of the message's id, at most 40 bytes. IDCut is set when there was more.
	ID    string
	IDCut bool
	// Started is that of Begin.
	Started time.Time
	// Outcome is what Return was told, 0 without one.
	Outcome uint8
}

// Live reports whether the slot that n names was busy with that very run and is sound, and returns it.
// Only then may a label with that name convict: any other label outlived its message.
func (s Snapshot) Live(n Name) (Slot, bool) {
	for _, slot := range s.Slots {
		if slot.Name == n {
			return slot, slot.State == Busy && slot.Damage == ""
		}
	}
	return Slot{}, false
}

// Ran returns what ran under that name and has ended, if the table still knows: for the report on a
// goroutine that outlived its message, never for blame.
func (s Snapshot) Ran(n Name) (Past, bool) {
	for _, past := range s.Past {
		if past.Name == n {
			return past, true
		}
	}
	return Past{}, false
}
