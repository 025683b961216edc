// Package slackfake is a workspace of Slack's on this machine, for tests, drills and the demo: the methods
// of the Web API that we call, with Slack's checks and limits, Socket Mode, people who press buttons, and
// a page that shows it all.
//
//	s, err := slackfake.Start(ctx, slackfake.Config{})
//	defer s.Close()
//	client, err := slackkit.New(slackkit.Config{Token: s.Token(), APIURL: s.APIURL()})
//	…
//	err = s.Press(ctx, channel, ts, "q:take", "U0ANA")
//
// # What it is strict about
//
// The token, the channel (known, not archived, with the app in it), the names of channels (archived ones
// keep theirs), the limits of blocks and modals, trigger ids that work once and for three seconds, response
// addresses that work five times, methods that read no JSON; and on request scopes and limits a minute. What
// Slack refuses is refused with Slack's code. A channel that is archived loses the app, which cannot bring it
// back. What Slack would take as a mention of people is found by [Message.Mentions].
//
// # People
//
// They press, type commands and choose shortcuts (Press, Submit, Command, Choose), and do things of which the
// app is told by events if Config.Events names them: Say, Edit, Delete, React, PinMessage, Join, Leave,
// Rename, Archive, Unarchive. What the app does not take comes again, as from Slack; [Server.Settle] waits
// until all is told.
//
// # Faults
//
// [Server.Fail] orders how the next calls of a method are answered instead: 429 with any Retry-After, a
// page with status 500, a code, half an answer, megabytes, nothing for as long as one likes, a reset. With
// After the call is carried out first, so that only its answer is lost. [Server.Count] says how often a method
// was called, [Server.Done] how often it was carried out.
//
// # Bounds
//
// It keeps the last 200 messages of each channel, 2,000 calls and 50 modals, whatever it is fed; see [Bounds].
// Close ends everything. It listens on this machine only. Config.StateFile keeps channels, messages and modals
// over restarts; the whole is written at each change, at most five times a second, which suits a demo and no
// simulation of thousands.
package slackfake
