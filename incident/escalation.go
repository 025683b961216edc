package incident

import "time"

// EscalationState is where an escalation stands.
type EscalationState string

// The states of escalations. All but Paging are final.
const (
	Paging    EscalationState = "paging"
	Acked     EscalationState = "acked"
	Exhausted EscalationState = "exhausted" // the last round passed and nobody answered
	Cancelled EscalationState = "cancelled"
	Ended     EscalationState = "resolved" // the incident ended
)

// Escalation calls people, level after level, until one of them answers.
type Escalation struct {
	ID string `json:"id"`
	// Path is the id of the path it was made of, "" where people were named. Levels are a copy, so that a
	// change of the settings changes nothing that runs.
	Path   string          `json:"path,omitempty"`
	Levels []Level         `json:"levels"`
	Repeat int             `json:"repeat"` // rounds, at least 1
	Reason string          `json:"reason"`
	State  EscalationState `json:"state"`
	// Round and Level count from 1 and name the step that was last due; 0 and 0 before the first.
	Round int `json:"round"`
	Level int `json:"level"`
	// Notified reports that the present step was handed over; LastDue is when it was due.
	Notified bool      `json:"notified,omitempty"`
	LastDue  time.Time `json:"last_due,omitzero"`
	// DueAt is when the next step is due, while it is Paging: the present level's wait after its page was
	// handed over, or the limit after which a page that could not be sent counts as missed.
	DueAt   time.Time `json:"due_at,omitzero"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	// AckedBy is who answered first; Also are those who answered later.
	AckedBy *Actor  `json:"acked_by,omitempty"`
	Also    []Actor `json:"also,omitempty"`
	// NotifyOnly pages nobody: its levels are told where they read, and that is all.
	NotifyOnly bool `json:"notify_only,omitempty"`
}

// Level is one step of a path.
type Level struct {
	Targets []Target `json:"targets"`
	// Wait is how long its people have to answer before the next level. Default 5 min.
	Wait Duration `json:"wait,omitempty"`
}

// TargetKind says what a target is.
type TargetKind string

// The kinds of targets.
const (
	ToPerson   TargetKind = "person"
	ToRotation TargetKind = "rotation" // whoever is on call by it at the moment
	ToChannel  TargetKind = "channel"
)

// Target is who is called.
type Target struct {
	Kind TargetKind `json:"kind"`
	// ID is a person's id, a rotation's, or a channel's.
	ID string `json:"id"`
}

// String names it, such as person:ana. It is part of keys.
func (t Target) String() string { return string(t.Kind) + ":" + t.ID }

// Words names it for people: a person by the id alone, anything else with what it is, such as rotation
// backend.
func (t Target) Words() string {
	if t.Kind == ToPerson {
		return t.ID
	}
	return string(t.Kind) + " " + t.ID
}

// PageMaxAge is how late a page may be sent at most. A level that was not handed over by then was
// missed, and the next is due at once.
const PageMaxAge = 10 * time.Minute

// AlertMaxAge is how old an alert may be that calls people. An older one is attached, or opens an incident
// quietly.
const AlertMaxAge = time.Hour

// DefaultWait is how long a level waits for an answer.
const DefaultWait = 5 * time.Minute
