package workflow

import (
	"context"
	"time"

	"github.com/theriac/theriac/incident"
)

// Notifier calls people. What it is told twice under one key it does once: the key goes to whoever
// really calls, as its deduplication key. Errors are as with [Chat]. Implementations are safe for
// concurrent use and return when ctx ends.
type Notifier interface {
	// Page calls somebody.
	Page(ctx context.Context, p Page) error
	// Acknowledge and Resolve end a call: somebody answered, or it is over. Of one that is not known there
	// they say nothing.
	Acknowledge(ctx context.Context, c Call) error
	// Resolve ends a call because there is nothing to answer any more.
	Resolve(ctx context.Context, c Call) error
}

// Call names a page.
type Call struct {
	// Key has at most 255 characters.
	Key string
	// Target is who was to be called, Person who that was. Person.ID is "" for a channel.
	Target incident.Target
	Person incident.Person
	// By is who ended it, as text for people.
	By string
}

// Page is one call.
type Page struct {
	Call
	// Title is one line. Text says who is called, by which rule, and what came before. Both come from
	// outside in part.
	Title, Text string
	// Outside is what is said in place of Title, Text and Severity where others read along, such as in a
	// service that a team shares. Nil: the same.
	Outside *Words
	// Ref and URL lead to the incident; URL may be "". AckURL is the person's own link to answer by, or
	// "", Buttons are for a chat. Severity is the incident's, Rank its severity's rank.
	Ref, URL, AckURL, Severity string
	Buttons                    []Button
	Rank                       int
	// Test marks a call that somebody asked for to see whether it works.
	Test bool
	// Again says that an earlier attempt may have made this call: ask those first who do not drop it by its
	// key.
	Again bool
	At    time.Time
}

// Words are a line and what stands below it.
type Words struct{ Title, Text string }

// Webhooks carries what endpoints want to hear. Errors are as with [Chat].
type Webhooks interface {
	// Deliver sends one signed request. The receiver drops a second one by its id.
	Deliver(ctx context.Context, d Delivery) error
}

// Delivery is one event for one endpoint.
type Delivery struct {
	Endpoint incident.Endpoint
	// ID is the same for each attempt, At the time of this one.
	ID   string
	At   time.Time
	Body []byte
}

// Tracker is where follow-ups become issues. Errors are as with [Chat].
type Tracker interface {
	// FindIssue returns the address of the issue that carries a marker, and whether there is one.
	FindIssue(ctx context.Context, marker string) (url string, found bool, err error)
	// OpenIssue opens one and returns its address.
	OpenIssue(ctx context.Context, i Issue) (url string, err error)
}

// Issue is what to do later. All texts come from outside.
type Issue struct {
	// Marker is to stand in it where FindIssue finds it.
	Marker             string
	Title, Text, Owner string
	Due                time.Time
}
