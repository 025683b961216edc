package incident

import "time"

// EscalateParams say who is called and why: a path of the settings, or people.
type EscalateParams struct {
	Path   string
	People []string
	Reason string
}

// Escalate starts an escalation; its first level is due at once.
func (inc *Incident) Escalate(act Act, p EscalateParams) ([]Event, error) { panic("to come") }

// Ack answers an escalation (by id, or "" for all that page). The first answer wins; later ones are
// noted as "also".
func (inc *Incident) Ack(act Act, escalation string) ([]Event, error) { panic("to come") }

// CancelEscalation ends one unanswered.
func (inc *Incident) CancelEscalation(act Act, escalation, reason string) ([]Event, error) {
	panic("to come")
}

// AdvanceEscalations does what is due by act.At: the next level, the next round, or exhausted. Its
// events have the keys level:{escalation}:{round}:{level}. It returns no events when nothing is due.
func (inc *Incident) AdvanceEscalations(act Act) ([]Event, error) { panic("to come") }

// LevelNotified notes that a level was handed over to those who call people; the wait runs from now.
func (inc *Incident) LevelNotified(act Act, escalation string, round, level int, how []string) ([]Event, error) {
	panic("to come")
}

// PageDueAt returns when an escalation of it is due next, zero for never.
func (inc *Incident) PageDueAt() time.Time { panic("to come") }

// OnCall returns who has the turn of a rotation at a moment, "" for nobody.
func (s *Settings) OnCall(rotation string, at time.Time) string { panic("to come") }
