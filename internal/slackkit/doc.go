// Package slackkit is all talk with Slack: calls of its Web API at the pace it allows, its errors in two
// kinds, text from outside made harmless, and the two ways in for clicks. It knows no word of a room.
//
//	out   Client        Post, Update, Reply, Ephemeral, OpenView, Respond, Check
//	text  Escape, Plain for everything that somebody else wrote
//	in    Interactions  buttons, modals and commands in signed requests over HTTP, with a Verifier
//	      Socket        the same over a connection that we open, for machines without an address
//
// # Failures
//
// A *[PermanentError] needs a person (the token is revoked, the channel archived, the app not in it) and
// says what they can do. Everything else is a *[RetryError], which wraps [ErrUnavailable]: Slack limits
// us, is slow or away, or what came back was a page, half an answer or ten megabytes. After says when to
// come back. Maybe says that the call may have happened all the same.
//
// # Pace
//
// One call a second and channel that posts, edits or replies, in the order of the callers. A 429 keeps
// the whole channel out for as long as Slack says and is tried once more; a caller whose context or
// Config.MaxWait is shorter than that gets its *RetryError at once. Missing and absurd Retry-After values are
// bounded. The pace is kept per process.
//
// # Clicks
//
// Slack hears "taken" within half a second, whatever the work takes; the person reads the rest later.
// The same signed request, the same click and the same envelope are handled once, as far as this process
// remembers; beyond that [Interaction].Request is for a store to keep unique. Members of other
// workspaces are not heard. Too many at once are refused in words. A Handle that panics harms nobody.
//
// # What is not believed
//
// Answers are read up to a bound and decoded into a few fields; codes that are no codes are not repeated.
// Errors hold no token, no address of a response_url and no text of Slack's. Redirects are not followed.
package slackkit
