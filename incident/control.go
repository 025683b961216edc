package incident

import "time"

// ControlShown is an order about the flow of messages that is in force, as it is shown with every open
// incident. It is given elsewhere; this room keeps none.
type ControlShown struct {
	// Version numbers it among all orders.
	Version int64 `json:"version"`
	// Subscription is what is paused; "" for an order about the whole service, whose Level is how much is
	// shed: "non-critical" or "critical-only".
	Subscription string `json:"subscription,omitempty"`
	Level        string `json:"level,omitempty"`
	// By ordered it, for Reason.
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	// Until is when it expires by itself; zero is not before somebody ends it.
	Until time.Time `json:"until,omitzero"`
}

// Headline says in a few words, on one line, what is held back.
func (c ControlShown) Headline() string {
	switch {
	case c.Subscription != "":
		return clip(cleanLine(c.Subscription), maxID) + " is paused"
	case c.Level == "non-critical":
		return "non-critical work is held back"
	case c.Level == "critical-only":
		return "all but critical work is held back"
	default:
		return "work is held back (" + clip(cleanLine(c.Level), maxID) + ")"
	}
}
