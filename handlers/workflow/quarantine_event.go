package workflow

import (
	"encoding/json"
	"fmt"
	"time"
)

// QuarantineKind is what happened to quarantined messages.
type QuarantineKind string

// The kinds. The first three may open an incident, the next four are decisions, the last is for incidents
// that are open.
const (
	GroupOpened      QuarantineKind = "group_opened"
	EntryQuarantined QuarantineKind = "entry_quarantined"
	WorkerCrashed    QuarantineKind = "worker_crashed"
	EntryReplayed    QuarantineKind = "replayed"
	ReplayFailed     QuarantineKind = "replay_failed" // it is undecided again
	EntryDiscarded   QuarantineKind = "discarded"
	EntryRestored    QuarantineKind = "restored" // it is undecided again
	ControlChanged   QuarantineKind = "control_changed"
)

// QuarantineEvent is the body of a message of the topic quarantine-events: JSON, written by whoever
// wires the quarantine, since neither room imports the other. A contract test there holds both ends.
type QuarantineEvent struct {
	// V is the version of this form, 1.
	V int `json:"v"`
	// ID is unique to what happened, and the same however often it is told.
	ID   string         `json:"id"`
	Kind QuarantineKind `json:"kind"`
	At   time.Time      `json:"at"`
	// Fingerprint names the problem. Required, but of a crash that nobody is blamed for.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Group and Entry are references that people know, such as G-4 and Q-7F3K. Version is that of the
	// entry after this, or of the order; decisions need both.
	Group   string `json:"group,omitempty"`
	Entry   string `json:"entry,omitempty"`
	Version int64  `json:"version,omitempty"`
	// Subscription is where the message came by, and Critical whether that is a critical one.
	Subscription string `json:"subscription,omitempty"`
	Critical     bool   `json:"critical,omitempty"`
	// Title is one line, already redacted; Where is a place in the program. Crash is the reference of a
	// crash record, Trouble the id of an error tracker's event, URL a page about it.
	Title   string `json:"title,omitempty"`
	Where   string `json:"where,omitempty"`
	Crash   string `json:"crash,omitempty"`
	Trouble string `json:"trouble,omitempty"`
	URL     string `json:"url,omitempty"`
	// Control is what was ordered of the flow of messages.
	Control *ControlChange `json:"control,omitempty"`
	// By and Reason are those of a decision or an order.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// PoisonID is the id of the event that tells of an entry, and of its row: by it a decision knows whether
// the entry is on its way still.
func PoisonID(entry string) string { return "quarantine:" + entry }

// ParseQuarantineEvent reads one. An event of a kind or a version that is not known is an error: it is
// kept until a program comes that knows it.
func ParseQuarantineEvent(data []byte) (QuarantineEvent, error) {
	var e QuarantineEvent
	if err := json.Unmarshal(data, &e); err != nil {
		return e, err
	}
	switch {
	case e.V != 1:
		return e, fmt.Errorf("events of quarantine in version %d are not known", e.V)
	case e.ID == "" || len(e.ID) > 200:
		return e, fmt.Errorf("an event of quarantine needs an id of at most 200 bytes")
	}
	switch e.Kind {
	case GroupOpened, EntryQuarantined:
		if e.Fingerprint == "" {
			return e, fmt.Errorf("%s needs a fingerprint", e.Kind)
		}
	case WorkerCrashed:
		if e.Fingerprint == "" && e.Crash == "" {
			return e, fmt.Errorf("%s needs a fingerprint or a crash", e.Kind)
		}
	case EntryReplayed, ReplayFailed, EntryDiscarded, EntryRestored:
		if e.Entry == "" || e.Version <= 0 {
			return e, fmt.Errorf("%s needs an entry and its version", e.Kind)
		}
	case ControlChanged:
		return e, e.Control.check(e)
	default:
		return e, fmt.Errorf("events of quarantine of kind %.40q are not known", e.Kind)
	}
	return e, nil
}

// decision reports whether it is one, and which: "" is undecided again.
func (e QuarantineEvent) decision() (string, bool) {
	switch e.Kind {
	case EntryReplayed:
		return "replayed", true
	case EntryDiscarded:
		return "discarded", true
	case ReplayFailed, EntryRestored:
		return "", true
	default:
		return "", false
	}
}

// kindNames returns kinds as a Registration has them.
func kindNames(kinds []QuarantineKind) []string {
	texts := make([]string, len(kinds))
	for i, k := range kinds {
		texts[i] = string(k)
	}
	return texts
}
