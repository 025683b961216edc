package slackfake

import (
	"cmp"
	"time"
)

// Bounds limits what is kept, whatever the workspace is fed. The zero value of each field is its default.
type Bounds struct {
	// Channels is how many there can be; more are refused with restricted_action. Default: 20,000
	Channels int
	// Messages is how many are kept of each channel, the last ones, and how many of those that one user
	// sees. Default: 200
	Messages int
	// Calls is how many stand in the journal. [Server.Count] counts on. Default: 2,000
	Calls int
	// Views is how many modals are open. Default: 50
	Views int
	// Events is how many wait to be delivered; more are lost. Default: 10,000
	Events int
}

func (b Bounds) withDefaults() Bounds {
	b.Channels = cmp.Or(b.Channels, 20_000)
	b.Messages = cmp.Or(b.Messages, 200)
	b.Calls = cmp.Or(b.Calls, 2000)
	b.Views = cmp.Or(b.Views, 50)
	b.Events = cmp.Or(b.Events, 10_000)
	return b
}

// Other bounds.
const (
	maxCallBody   = 16 << 10
	maxResponses  = 1000
	maxBody       = 4 << 20
	maxBookmarks  = 100             // of a channel, as in Slack
	answerTimeout = 3 * time.Second // how long Slack waits for an app to take a click
)
