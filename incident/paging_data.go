package incident

import "time"

// DataEscalated is what escalation.created says: all that the escalation was made of.
type DataEscalated struct {
	Escalation string  `json:"escalation"`
	Path       string  `json:"path,omitempty"`
	Levels     []Level `json:"levels"`
	Repeat     int     `json:"repeat"`
	Reason     string  `json:"reason,omitempty"`
	NotifyOnly bool    `json:"notify_only,omitempty"`
}

// DataLevelDue is what escalation.level_due says: who is to be called now, and why. Its event's
// NotAfter is when calling them would be too late, its OccurredAt when the step was put out.
type DataLevelDue struct {
	Escalation string   `json:"escalation"`
	Path       string   `json:"path,omitempty"`
	Round      int      `json:"round"`
	Level      int      `json:"level"`
	Targets    []Target `json:"targets"`
	Reason     string   `json:"reason,omitempty"`
	NotifyOnly bool     `json:"notify_only,omitempty"`
	// Due is the moment at which the step was to be put out. It is before the event's own time by as much
	// as the clock was late.
	Due time.Time `json:"due"`
	// Missed reports that the step before it was never handed over.
	Missed bool `json:"missed,omitempty"`
}

// DataLevelNotified is what escalation.level_notified says.
type DataLevelNotified struct {
	Escalation string   `json:"escalation"`
	Round      int      `json:"round"`
	Level      int      `json:"level"`
	How        []string `json:"how,omitempty"`
	// Next is when the next step is due, zero where none is.
	Next time.Time `json:"next,omitzero"`
	// Late reports that the escalation had moved on already, or was over, so that this changed nothing.
	Late bool `json:"late,omitempty"`
}

// DataAcked is what escalation.acked says. Who answered is the event's actor.
type DataAcked struct {
	Escalation string `json:"escalation"`
	Round      int    `json:"round"`
	Level      int    `json:"level"`
	// Also reports that somebody else had answered before, or that nobody was called any more.
	Also bool `json:"also,omitempty"`
}

// DataEscalationOver is what escalation.exhausted, .cancelled and .resolved say.
type DataEscalationOver struct {
	Escalation string `json:"escalation"`
	Path       string `json:"path,omitempty"`
	Round      int    `json:"round"`
	Level      int    `json:"level"`
	Reason     string `json:"reason,omitempty"`
	NotifyOnly bool   `json:"notify_only,omitempty"`
	// Missed reports that the last step was never handed over.
	Missed bool `json:"missed,omitempty"`
}
