package workflow

import (
	"fmt"
	"time"

	"github.com/theriac/theriac/incident"
)

// ControlVerb is what became of an order about the flow of messages.
type ControlVerb string

// The verbs. The first three are acts of people, the last is what happens when nobody acts.
const (
	ControlPaused  ControlVerb = "pause"
	ControlResumed ControlVerb = "resume"
	ControlShed    ControlVerb = "shed"
	ControlExpired ControlVerb = "expired"
)

// NothingShed is the level of a shed that ends one.
const NothingShed = "normal"

// ControlChange is what a [ControlChanged] event says to one incident: each that is open gets a row of
// its own, so that one message concerns one incident. Who ordered it and why are those of the event, its
// version that of the order.
type ControlChange struct {
	// Incident is the id of whose timeline it belongs in.
	Incident string      `json:"incident"`
	Verb     ControlVerb `json:"verb"`
	// Level is how much is shed; "" for a pause, which has the event's subscription.
	Level string `json:"level,omitempty"`
	// Until is when it expires by itself; zero is not before somebody ends it.
	Until time.Time `json:"until,omitzero"`
	// Ends is the version of the order that is over by this one, 0 for none.
	Ends int64 `json:"ends,omitempty"`
	// Standing says that it was in force when this was told, which is why an incident that began later
	// hears of it.
	Standing bool `json:"standing,omitempty"`
}

// check says what is wrong with it.
func (c *ControlChange) check(e QuarantineEvent) error {
	if c == nil || c.Incident == "" || e.Version <= 0 || c.Ends < 0 {
		return fmt.Errorf("%s needs an incident, what was ordered, and its version", e.Kind)
	}
	switch c.Verb {
	case ControlPaused, ControlResumed:
		if e.Subscription == "" {
			return fmt.Errorf("%s: %s needs a subscription", e.Kind, c.Verb)
		}
	case ControlShed, ControlExpired:
		if e.Subscription == "" && c.Level == "" {
			return fmt.Errorf("%s: %s needs a level", e.Kind, c.Verb)
		}
	default:
		return fmt.Errorf("%s: %.40q is not known", e.Kind, c.Verb)
	}
	return nil
}

// sets reports whether it is an order that holds, and not the end of one.
func (c *ControlChange) sets() bool {
	return c.Verb == ControlPaused || c.Verb == ControlShed && c.Level != NothingShed
}

// BannerKey is the key of the effect that shows an order in the channel of an incident. A row with it
// says that there is nothing left to tell.
func BannerKey(version int64, incident string) string {
	return fmt.Sprintf("banner:%d:%s", version, incident)
}

// controlHeadline says what is held back.
func controlHeadline(e QuarantineEvent) string {
	c := incident.ControlShown{Subscription: line(e.Subscription, 120), Level: line(e.Control.Level, 40)}
	return c.Headline()
}

// controlUntil says for how long.
func controlUntil(c *ControlChange) string {
	if c.Until.IsZero() {
		return "until somebody ends it"
	}
	return "until " + c.Until.UTC().Format("2006-01-02 15:04 UTC")
}

// controlLine is what the timeline says. Who did it is the event's actor.
func controlLine(e QuarantineEvent) string {
	var text string
	switch c := e.Control; {
	case c.sets():
		text = controlHeadline(e) + " " + controlUntil(c)
	case c.Verb == ControlExpired && e.Subscription != "":
		text = "the pause of " + line(e.Subscription, 120) + " has expired"
	case c.Verb == ControlExpired:
		text = "an order has expired: " + controlHeadline(e) + " no longer"
	case c.Verb == ControlResumed:
		text = line(e.Subscription, 120) + " runs again"
	default:
		text = "nothing is shed any more"
	}
	if reason := line(e.Reason, 500); reason != "" {
		text += ": " + reason
	}
	return text
}
