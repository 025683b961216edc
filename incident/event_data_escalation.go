package incident

import "time"

// DataEscalation is said by escalation.*: those of its fields that the type has something for.
type DataEscalation struct {
	ID      string    `json:"id"`
	Path    string    `json:"path,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Round   int       `json:"round,omitempty"`
	Level   int       `json:"level,omitempty"`
	Targets []Target  `json:"targets,omitempty"`
	How     []string  `json:"how,omitempty"`
	Due     time.Time `json:"due,omitzero"`
	// Also says that somebody answered before.
	Also bool `json:"also,omitempty"`
}
