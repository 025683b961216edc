package incident

import "time"

// Wanted is an effect that an incident should have had by now.
type Wanted struct {
	Key string
	// Event is the type of the event that causes it.
	Event EventType
	Since time.Time
}

// Wanted returns the effects that its state should have had: its channel, headline, invitations, pages.
func (inc *Incident) Wanted(rules *Settings) []Wanted { panic("to come") }
