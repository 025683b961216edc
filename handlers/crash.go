package handlers

import "time"

// Crash is the report of one death of a process. All texts in it come from
// outside (panic values, error texts, ids) and are hostile wherever they are
// shown.
type Crash struct {
	// ID is the report's own, a UUID that sorts by time. The same death reported
	// twice has the same ID.
	ID string
	// Role, Incarnation, Host, Build and PID say which process it was.
	Role, Incarnation, Host, Build string
	PID                            int
	// Started and Died bound its life, by the clock of whoever found it dead.
	Started, Died time.Time
	// Exit is how it ended ("exit code 2"), Kind its way of dying ("panic", …), in
	// words.
	Exit, Kind string
	// Tier is the strength of the evidence, "A" to "D" or "N" for nobody; Reason is
	// the same in words.
	Tier, Reason string
	// Alone: it was a ward, and held one message.
	Alone bool
	// Text is what the runtime said first ("panic: boom"), or "".
	Text string
	// Stack is the trace of the goroutine that died, capped at 64 KiB; StackCut
	// reports that it was longer. Frames are its frames, innermost first, at most
	// 64.
	Stack    string
	StackCut bool
	Frames   []Frame
	// Stderr is the end of its standard error, at most 16 KiB.
	Stderr string
	// StartedBy is the id of the message that had started the goroutine that died
	// and was over by then, or "". It is told, and never blamed.
	StartedBy string
	// Hint says why this looks like a problem of the deployment, or is "".
	Hint string
	// Notes are further lines for people.
	Notes []string
	// InFlight are the messages in the process, the culprit first, then suspects
	// in the order in which they run alone, then all others.
	InFlight []InFlight
}

// Part is the part that a message had in a death.
type Part string

// The parts.
const (
	// PartCulprit: the crash names it.
	PartCulprit Part = "culprit"
	// PartSuspect: it may have been the cause.
	PartSuspect Part = "suspect"
	// PartTimedOut: it was past its deadline, and the process was ended for that.
	PartTimedOut Part = "timed out"
	// PartBystander: it was merely in flight; charged with nothing.
	PartBystander Part = "bystander"
	// PartSettling: its handler was over; charged with nothing.
	PartSettling Part = "settling"
)

// Alone reports whether a message with this part must run alone before it
// may run beside others again.
func (p Part) Alone() bool { return p == PartCulprit || p == PartSuspect || p == PartTimedOut }

// InFlight is a message that was in a process when it died.
type InFlight struct {
	// Part is its part in the death.
	Part Part
	// Subscription and ID say which message; IDCut that only the beginning of ID is
	// known, or that and a hash.
	Subscription, ID string
	IDCut            bool
	// Handler names the subscription's handler, or is "".
	Handler string
	// PublishedAt is when the broker took it, Attempt which try of this process,
	// Started when its handler began.
	PublishedAt, Started time.Time
	Attempt              int
	// Deaths is what this death adds to its count of crashes.
	Deaths int
	// Why is why it is suspect, in words, or "".
	Why string
	// TraceID and SpanID are those of its root span in hex, or "".
	TraceID, SpanID string
}

// Fate is what became of a message that had to run alone.
type Fate string

// The fates.
const (
	// FateDone: its handler succeeded alone; its redelivery is acknowledged on
	// sight.
	FateDone Fate = "done"
	// FateCleared: it survived alone, or nothing speaks against it any more; it
	// runs like any other.
	FateCleared Fate = "cleared"
	// FateHeld: it is in quarantine.
	FateHeld Fate = "held"
)

// Fates returns all fates, in a fixed order.
func Fates() []Fate { return []Fate{FateDone, FateCleared, FateHeld} }
