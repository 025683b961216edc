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
// The token, the channel (known, not archived, with the app in it), the limits of blocks and modals,
// trigger ids that work once and for three seconds, response addresses that work five times. What Slack
// refuses is refused with Slack's code. What Slack would take as a mention of people is found by
// [Message.Mentions].
//
// # Faults
//
// [Server.Fail] orders how the next calls of a method are answered instead: 429 with any Retry-After, a
// page with status 500, a code, half an answer, megabytes, nothing for as long as one likes, a reset.
//
// # Bounds
//
// It keeps the last 200 messages of each channel, 2,000 calls and 50 modals, whatever it is fed. Close
// ends everything. It listens on this machine only.
package slackfake
