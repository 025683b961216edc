package fakesentry

import (
	"encoding/json"
	"fmt"
	"time"
)

// Event is an event as it arrived.
type Event struct {
	// ID is its id: 32 hex digits.
	ID string `json:"event_id"`
	// Level is "error", "fatal", …
	Level       string            `json:"level"`
	Platform    string            `json:"platform"`
	Release     string            `json:"release"`
	Environment string            `json:"environment"`
	ServerName  string            `json:"server_name"`
	Message     string            `json:"message"`
	Timestamp   time.Time         `json:"timestamp"`
	Tags        map[string]string `json:"tags"`
	Fingerprint []string          `json:"fingerprint"`
	// Exceptions are a chain, the outermost last.
	Exceptions []Exception `json:"exception"`
	// Contexts are whatever else was told.
	Contexts map[string]map[string]any `json:"contexts"`
	// Raw is the event's JSON, for what is not here and must not be there.
	Raw []byte `json:"-"`
	// Attachments came in the same envelope.
	Attachments []Item `json:"-"`
}

// Exception is one link of a chain.
type Exception struct {
	Type       string     `json:"type"`
	Value      string     `json:"value"`
	Mechanism  Mechanism  `json:"mechanism"`
	Stacktrace Stacktrace `json:"stacktrace"`
}

// Mechanism is how an exception was caught.
type Mechanism struct {
	Type    string `json:"type"`
	Handled *bool  `json:"handled"`
}

// Stacktrace is a stack.
type Stacktrace struct {
	// Frames are the calls, the innermost last.
	Frames []Frame `json:"frames"`
}

// Frame is one call.
type Frame struct {
	Function string `json:"function"`
	Module   string `json:"module"`
	Filename string `json:"filename"`
	Lineno   int    `json:"lineno"`
	InApp    bool   `json:"in_app"`
}

// Main returns the outermost exception, the zero one of an event without any.
func (e Event) Main() Exception {
	if len(e.Exceptions) == 0 {
		return Exception{}
	}
	return e.Exceptions[len(e.Exceptions)-1]
}

// eventOf returns the event of an envelope, or nil if it has none.
func eventOf(envelope Envelope) (*Event, error) {
	var event *Event
	var attached []Item
	for _, item := range envelope.Items {
		switch item.Type {
		case "attachment":
			attached = append(attached, item)
		case "event":
			if event != nil {
				return nil, fmt.Errorf("%w: it has two events", ErrEnvelope)
			}
			event = new(Event)
			if err := object(item.Payload, event); err != nil {
				return nil, fmt.Errorf("%w: its event: %w", ErrEnvelope, err)
			}
			if event.ID == "" {
				event.ID = envelope.EventID
			}
			if !isID(event.ID) || envelope.EventID != "" && event.ID != envelope.EventID {
				return nil, fmt.Errorf("%w: event %.40q in an envelope of %.40q", ErrEnvelope, event.ID, envelope.EventID)
			}
			event.Raw = json.RawMessage(item.Payload)
		}
	}
	if event != nil {
		event.Attachments = attached
	}
	return event, nil
}

// isID reports whether id is 32 hex digits.
func isID(id string) bool {
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(id) == 32
}
