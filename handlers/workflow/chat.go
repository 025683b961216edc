package workflow

import (
	"context"

	"github.com/theriac/theriac/incident"
)

// Chat is where people talk. Each method may be repeated with the same arguments: a channel is found
// again, somebody who is in stays in, an edit is made once more; a new post alone is not, which is
// what FindPost is for. Errors say what is known of the outcome: see [InDoubt], [Later] and [Never];
// any other is in doubt as well, and counts as a failure of the message. Implementations are safe for
// concurrent use and return when ctx ends.
type Chat interface {
	// EnsureChannel makes the channel of an incident, or finds the one that was made, and gives it topic
	// and bookmarks. A channel is an incident's own if it carries the id of the incident in its purpose:
	// where a name is taken by one that does not, another name is chosen.
	EnsureChannel(ctx context.Context, spec ChannelSpec) (incident.Channel, error)
	// SetArchived puts a channel away, or fetches it back.
	SetArchived(ctx context.Context, channel string, archived bool) error
	// Invite brings somebody into a channel. That they are in it is success.
	Invite(ctx context.Context, channel string, p incident.Person) error
	// Post writes a message that carries its key where FindPost finds it, or edits one.
	Post(ctx context.Context, p Post) (incident.Post, error)
	// FindPost returns a message by its key, and whether there is one.
	FindPost(ctx context.Context, to Place, key string) (incident.Post, bool, error)
}

// ChannelSpec says what the channel of an incident is to be.
type ChannelSpec struct {
	IncidentID string
	// ID is that of the channel where it is known, "" where it is to be made or found.
	ID string
	// Name is what it is called if that is free: lower case, digits and dashes, at most 60 characters.
	Name    string
	Private bool
	// Outgrown is the name of a channel that an earlier attempt may have made for this incident before it
	// became private, "" for none. It is put away.
	Outgrown string
	// Topic is one line of plain text; Bookmarks are by their title. Both come from outside in part.
	Topic     string
	Bookmarks []Bookmark
}

// Bookmark is a link in a channel's head.
type Bookmark struct{ Title, URL string }

// Place is where a message goes: a channel, or a thread in it, or one person.
type Place struct {
	Channel string
	// Thread is the id of the message that is answered, "" for none.
	Thread string
	// Person is written to directly if Channel is "".
	Person incident.Person
}

// Post is a message to write.
type Post struct {
	To Place
	// Key is the effect's, by which FindPost finds it.
	Key string
	// Edit is the message that it takes the place of, nil for a new one.
	Edit *incident.Post
	Card Card
}

// Card is what a message says, in plain text: nothing in it is markup, and most of it comes from
// outside. Adapters escape it and cut it to what their chat takes.
type Card struct {
	Title string
	Facts []Fact
	Text  string
	// Buttons are few.
	Buttons []Button
}

// Fact is a name and a value, both on one line.
type Fact struct{ Name, Value string }

// Button is something to press: an action with its value, or a link.
type Button struct {
	Text string
	// Action is one of the Act… names, Value what it is about.
	Action, Value string
	URL           string
	Style         string // "primary", "danger" or ""
}

// The actions of buttons. Callbacks that begin with inc: belong to incidents.
const (
	ActAck       = "inc:ack"       // an escalation's id, after its incident's and a slash
	ActAccept    = "inc:accept"    // an incident's id; so the next ones
	ActDecline   = "inc:decline"   //
	ActMerge     = "inc:merge"     //
	ActJoin      = "inc:join"      //
	ActSubscribe = "inc:subscribe" //
	ActUpdate    = "inc:update"    //
	ActEscalate  = "inc:escalate"  //
	ActLead      = "inc:lead"      //
	ActSeverity  = "inc:severity"  //
	ActResolve   = "inc:resolve"   //
	ActSnooze    = "inc:snooze"    // an incident's id, a slash, a kind of nudge, a slash, minutes
	ActStop      = "inc:stop"      // an incident's id, a slash, a kind of nudge
	ActRestore   = "inc:restore"   // the version of the order that it ends
)
