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

// Wanted is an effect that an incident should have had by now.
type Wanted struct {
	Key string
	// Event is the type of the event that causes it.
	Event EventType
	Since time.Time
}

// Wanted returns the effects that its state should have had: its channel, headline, invitations, pages.
func (inc *Incident) Wanted(rules *Settings) []Wanted { panic("to come") }

// AllowedVerbs returns the verbs that change the status from s.
func AllowedVerbs(s Status) []string { panic("to come") }

// Line returns an event as people read it in a timeline: one line, plain text. What comes from
// outside in it is not escaped.
func Line(e Event) string { panic("to come") }

// Validate returns all that is wrong with the settings, as *[FieldError]s joined.
func (s *Settings) Validate() error { panic("to come") }

// NewKey returns keys that make things happen once.
func NewKey(text string, open bool) Key { panic("to come") }
