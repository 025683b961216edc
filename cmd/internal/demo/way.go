package demo

import "github.com/theriac/theriac/handlers"

// Names of the demo's subscriptions.
const (
	subTimeline = "incident-events"
	subNotify   = "notifications"
	subFeed     = "activity-feed"
)

// way is one way in which a handler can fail without killing its process.
type way struct {
	name, subscription string
	// story is what is wrong with the message, for somebody who sees this for the first time.
	story string
	// spoil makes a good event fail in this way; nil cuts its payload off.
	spoil func(*event)
	// reason is what the quarantine must call it.
	reason handlers.Reason
	// mended: the demo deploys a fix for it and replays the entry.
	mended bool
}

// ways returns every in-process way to fail. No subscription has as many as five, the number at
// which its breaker would take them for an outage.
func ways() []way {
	return []way{
		{
			name: "error", subscription: subNotify, reason: handlers.ReasonFailed,
			story: "its team has no chat channel any more",
			spoil: func(e *event) { e.Team = formerTeam },
		},
		{
			name: "permanent error", subscription: subFeed, reason: handlers.ReasonPermanent,
			story: "its organisation was deleted, and its handler says that no retry helps",
			spoil: func(e *event) { e.Organisation = deletedOrganisation },
		},
		{
			name: "undecodable", subscription: subTimeline, reason: handlers.ReasonUndecodable,
			story: "its payload was cut off on the way",
		},
		{
			name: "panic", subscription: subTimeline, reason: handlers.ReasonFailed,
			story: "its severity is beyond the end of a table",
			spoil: func(e *event) { e.Severity = unknownSeverity },
		},
		{
			name: "nil dereference", subscription: subTimeline, reason: handlers.ReasonFailed, mended: true,
			story: "it has no lead, and the handler asks for the lead's name",
			spoil: func(e *event) { e.Lead = nil },
		},
		{
			name: "goexit", subscription: subNotify, reason: handlers.ReasonFailed,
			story: "its template makes a library end the goroutine",
			spoil: func(e *event) { e.Text = brokenTemplate },
		},
		{
			name: "hang", subscription: subNotify, reason: handlers.ReasonHung,
			story: "its webhook never answers, and the handler ignores its deadline",
			spoil: func(e *event) { e.Webhook = silentWebhook },
		},
	}
}
