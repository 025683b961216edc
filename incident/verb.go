package incident

import "time"

// Act is who does something, when, and under which rules. Verbs take it first.
type Act struct {
	By Actor
	// At is now, by the clock of the Service.
	At time.Time
	// Rules are the settings in force. Never nil.
	Rules *Settings
	// Cause is the id of the event or message behind it, Traceparent W3C's; both may be empty.
	Cause, Traceparent string
	// Key makes the act's first event unique within its incident; empty makes none unique.
	Key string
	// NewID returns a new UUIDv7, for events and for the parts of an incident that have ids.
	NewID func() string
}

// Verb is something that can be done to an incident: a method of Incident with its parameters. It
// changes the document and returns what happened, or an error and a document that must not be used
// any more. It does nothing else: no store, no clock, no network.
type Verb func(inc *Incident, act Act) ([]Event, error)
