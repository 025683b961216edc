// Package slackkit is all talk with Slack: calls of its Web API at the pace it allows, its errors in two
// kinds, text from outside made harmless, and the two ways in for clicks. It knows no word of a room.
//
//	out   Client        Post, Update, Edit, Reply, Ephemeral, OpenView, UpdateView, Respond, Check
//	                    CreateChannel, FindChannel, Channel, SetTopic, SetPurpose, Invite, Archive, Unarchive
//	                    AddBookmark, ListBookmarks, Pin, FindPost, FindReply, UserInfo, UserByEmail, Self
//	text  Escape, Plain for everything that somebody else wrote, ChannelName for a name made of it
//	in    Interactions  buttons, modals, commands, shortcuts and events in signed requests over HTTP,
//	                    with a Verifier
//	      Socket        the same over a connection that we open, for machines without an address
//
// # Failures
//
// A *[PermanentError] needs a person (the token is revoked, the channel archived, the app not in it) and
// says what they can do. Everything else is a *[RetryError], which wraps [ErrUnavailable]: Slack limits
// us, is slow or away, or what came back was a page, half an answer or ten megabytes. After says when to
// come back. Maybe says that the call may have happened all the same.
//
// Refusals that are decided by have names, such as [ErrNameTaken]. Whoever repeats a call that is [InDoubt]
// looks first:
//
//	CreateChannel   ErrNameTaken, then FindChannel: its Creator, and the Purpose if that was set
//	Post, Reply     FindPost, FindReply, by the Message's Mark
//	AddBookmark     ListBookmarks
//	Invite          repeat it; ErrAlreadyInChannel is success
//	Archive, Pin    repeat it; ErrAlreadyArchived and ErrAlreadyPinned are success
//	SetTopic, SetPurpose, Update, Edit   repeat it
//
// # Pace
//
// One call a second and channel that posts, edits or replies, in the order of the callers. A 429 keeps
// the whole channel out for as long as Slack says and is tried once more; a caller whose context or
// Config.MaxWait is shorter than that gets its *RetryError at once. Missing and absurd Retry-After values are
// bounded. The pace is kept per process.
//
// [Client.Share] gives a client whose calls are of a class. Critical ones have 70 % of Slack's limit of
// each method, borrow what the others leave, and wait. Non-critical ones have 30 %, and hear at once when to
// come back. Calls of the client from New are held back by no such share.
//
// # Clicks
//
// Slack hears "taken" within half a second, whatever the work takes; the person reads the rest later.
// The same signed request, the same click and the same envelope are handled once, as far as this process
// remembers; beyond that [Interaction].Request is for a store to keep unique. Members of other
// workspaces are not heard. Too many at once are refused in words. A Handle that panics harms nobody.
//
// With an [Accept] an interaction is kept in a safe place before Slack hears "taken"; if that fails Slack
// does not hear it, and sends an event again. Events (somebody said something, joined, pinned, ...) come as
// interactions of the type [EventCallback], which nobody answers.
//
// # What is not believed
//
// Answers are read up to a bound and decoded into a few fields; codes that are no codes are not repeated.
// Errors hold no token, no address of a response_url and no text of Slack's. Redirects are not followed.
package slackkit
