package crashrecord

import (
	"errors"
	"time"
)

// Errors of reading.
var (
	// ErrDamaged: the file is no record, or its metadata cannot be believed.
	ErrDamaged = errors.New("crash record is damaged")
	// ErrVersion: the record was written in a format that this build does not
	// know; read it with the build that wrote it.
	ErrVersion = errors.New("crash record has an unknown version")
)

// Bounds of what is written; what is longer is cut and named in LeftOut.
const (
	// MaxFirstBlock keeps the head of the first block. Traces are cut to 100
	// frames by the runtime, which is about 105 KB.
	MaxFirstBlock = 256 << 10
	// MaxStderr keeps the end of stderr.
	MaxStderr = 64 << 10
	// MaxDump keeps the head of the dump of all goroutines: about 20,000.
	MaxDump = 4 << 20
	// MaxMessage bounds the copy of one message, all parts together; it is well
	// above what a slot holds (64 KiB). Of a larger one id and ack token remain
	// if they fit, else nothing.
	MaxMessage = 1 << 20
	// MaxMessages bounds the messages, and so do 64 MiB for all of them together.
	MaxMessages = 1 << 16

	maxMessageBytes = 64 << 20
	maxText         = 1 << 10
	maxNotes        = 256
	maxMetadata     = 8 << 20
	maxFile         = 128 << 20
)

// Part is a part of a record that can be missing.
type Part string

// The parts.
const (
	PartFirstBlock Part = "first block"
	PartStderr     Part = "stderr"
	// PartMessages: whole messages are missing.
	PartMessages Part = "messages"
	// PartPayloads: of some messages data, attributes and ordering key are
	// missing.
	PartPayloads Part = "payloads"
	PartDump     Part = "dump"
	// PartBystanders: those in flight whom nobody blames are missing.
	PartBystanders Part = "bystanders"
	// PartUnknown: a section of a kind that this build does not know.
	PartUnknown Part = "unknown"
)

// Record is one death.
type Record struct {
	Metadata
	// FirstBlock is the trace of the goroutine that died, StderrTail the end of
	// standard error, Dump the whole trace; each as it came.
	FirstBlock, StderrTail, Dump []byte
	// Messages are copies of the messages in flight, as far as the table held
	// them.
	Messages []Message
}

// Metadata says who died, of what, and who is to blame. Texts are cut to 1 KiB,
// notes to 256.
type Metadata struct {
	// ID identifies the record and is its file's name; see [NewID].
	ID string `json:"id"`
	// Incarnation, Role, Host, Build and PID say which process it was.
	Incarnation Text `json:"incarnation"`
	Role        Text `json:"role"`
	Host        Text `json:"host"`
	Build       Text `json:"build"`
	PID         int  `json:"pid"`
	// Started and Died bound its life, by the guardian's clock.
	Started time.Time `json:"started"`
	Died    time.Time `json:"died"`
	// Exit is its exit status, Kind its way of dying, Tier and Reason the verdict,
	// all in words.
	Exit   Text `json:"exit"`
	Kind   Text `json:"kind"`
	Tier   Text `json:"tier"`
	Reason Text `json:"reason"`
	// Culprit is the message named by the crash, or nil. Suspects stand in ward
	// order.
	Culprit  *Attempt  `json:"culprit,omitempty"`
	Suspects []Attempt `json:"suspects,omitempty"`
	// TimedOut, Bystanders and Settling are the others in the table: past their
	// deadline, merely in flight, and with their handler over.
	TimedOut   []Attempt `json:"timed_out,omitempty"`
	Bystanders []Attempt `json:"bystanders,omitempty"`
	Settling   []Attempt `json:"settling,omitempty"`
	// Alone: it was a ward with one message in it.
	Alone bool `json:"alone,omitempty"`
	// Ended: it did not die, the guardian ended it for a reason of its own while
	// something ran in it, or it ended in order before that was over. Nobody is to
	// blame; its attempts stand among the bystanders, for their spans.
	Ended bool `json:"ended,omitempty"`
	// StartedBy is the id of the message that had started the goroutine that died
	// and was over by then, or "".
	StartedBy Text `json:"started_by,omitempty"`
	// DamagedSlots is how many slots could not be read.
	DamagedSlots int `json:"damaged_slots,omitempty"`
	// Notes are further lines for people.
	Notes []Text `json:"notes,omitempty"`
	// BreakerHint says why this may be a bad deploy and no bad message, or is "".
	BreakerHint Text `json:"breaker_hint,omitempty"`
	// LeftOut are the parts that are missing or cut, because of their bounds, for
	// lack of space, or because the record was thinned since. [Directory.Write]
	// adds to it.
	LeftOut []Part `json:"left_out,omitempty"`
}

// Attempt is one run of a message that was in the table.
type Attempt struct {
	// Slot names the slot and its generation, such as "12.4711"; with it the
	// message is found in Messages.
	Slot Text `json:"slot"`
	// Subscription and ID say which message, Attempt which try.
	Subscription Text `json:"subscription"`
	ID           Text `json:"id"`
	// Handler names the subscription's handler, or is "".
	Handler Text `json:"handler,omitempty"`
	// IDCut: only the beginning of ID is known, or that and a hash.
	IDCut   bool `json:"id_cut,omitempty"`
	Attempt int  `json:"attempt"`
	// Started is when its handler began, Published when the broker took it.
	Started   time.Time `json:"started"`
	Published time.Time `json:"published"`
	// TraceID and SpanID are those of its root span in hex, or "".
	TraceID Text `json:"trace_id,omitempty"`
	SpanID  Text `json:"span_id,omitempty"`
	// Deaths is what this death adds to its count.
	Deaths int `json:"deaths,omitempty"`
	// Why is why it is suspect, Outcome how its handler ended if it did; in words.
	Why     Text `json:"why,omitempty"`
	Outcome Text `json:"outcome,omitempty"`
}

// Message is the copy of one message in flight.
type Message struct {
	// Slot names the slot and its generation, as in [Attempt].
	Slot string
	// Flags are the slot's flags, and FlagWhole.
	Flags uint32
	// ID is the full id; OrderingKey, Data, Attributes and AckToken are as the
	// slot held them, uninterpreted.
	ID, OrderingKey, Data, Attributes, AckToken []byte
}

// FlagWhole is set in a message whose data, attributes and ordering key are
// there, be they empty. A record that had no room for them clears it.
const FlagWhole = 1 << 31

// Whole reports whether the message can be run from this copy.
func (m Message) Whole() bool { return m.Flags&FlagWhole != 0 }

// Damage is what is known to be missing of a record, beyond its LeftOut.
type Damage struct {
	// Cut: the file ends early.
	Cut bool
	// Parts are sections that were there and could not be believed, in their
	// order, one for each.
	Parts []Part
}

// Any reports whether anything is missing.
func (d Damage) Any() bool { return d.Cut || len(d.Parts) > 0 }
