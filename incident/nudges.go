package incident

import "time"

// NudgeDue is a nudge whose time has come.
type NudgeDue struct {
	Kind NudgeKind
	At   time.Time
	// Occasion is what RecordNudge is told, N how often it was sent for it before.
	Occasion string
	N        int
	// Person is who is asked, "" for whoever leads or all.
	Person string
}

// NudgesDue returns what people are to be reminded of at a moment: none that is snoozed, stopped or
// over its count, none while the incident is paused, and at most 4 an hour.
func (inc *Incident) NudgesDue(rules *Settings, at time.Time) []NudgeDue { panic("to come") }

// NudgeDueAt returns when the next nudge is due, zero for never.
func (inc *Incident) NudgeDueAt(rules *Settings) time.Time { panic("to come") }
