package incident

import "time"

// DataEscalation is said by escalation.*: those of its fields that the type has something for. Who
// answered is the actor of escalation.acked.
type DataEscalation struct {
	ID     string `json:"id"`
	Path   string `json:"path,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Levels and Repeat are what it was made of; only escalation.created has them.
	Levels []Level `json:"levels,omitempty"`
	Repeat int     `json:"repeat,omitempty"`
	// NotifyOnly says that it tells people and calls nobody.
	NotifyOnly bool `json:"notify_only,omitempty"`
	// Round and Level name the step; Targets are who is to be called in it.
	Round   int      `json:"round,omitempty"`
	Level   int      `json:"level,omitempty"`
	Targets []Target `json:"targets,omitempty"`
	How     []string `json:"how,omitempty"`
	// Due is when the step was to be put out: before the event's own time by as much as the clock was
	// late. After the event's NotAfter, calling people for it would be too late.
	Due time.Time `json:"due,omitzero"`
	// Next is when the step after one that was handed over is due, zero where none is.
	Next time.Time `json:"next,omitzero"`
	// Missed says that the step before, or the last one, was never handed over.
	Missed bool `json:"missed,omitempty"`
	// Late says that a step was handed over when the escalation had moved on or was over, so that it
	// changed nothing.
	Late bool `json:"late,omitempty"`
	// Also says that somebody answered before, or that nobody was called any more.
	Also bool `json:"also,omitempty"`
}
