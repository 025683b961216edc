// Package handlers says what a message is and how a handler answers.
//
// It is the leaf of the project: standard library only, so a service can
// import it everywhere its messages go.
//
// # One way to answer
//
// A [Handler] receives a [Message] and returns an error. That error is its
// only answer: a handler cannot acknowledge, requeue or quarantine. What the
// error means is a question asked of its chain, [Class]:
//
//	nil                 done; the message is acknowledged
//	any error           a failure; retried with backoff, quarantined after the
//	                    policy's number of failures
//	[Permanent]         a failure that retrying cannot mend; quarantined now
//	[RetryAfter]        a failure that names its own delay
//	[Again]             not now; run again after a delay, counts as no failure
//
// Errors may be wrapped freely with %w or errors.Join: the strongest answer in
// the chain wins, in the order Permanent, Again, RetryAfter, plain failure.
//
// # Words that the other rooms share
//
// The rooms consumer and quarantine never import each other. The words in
// which they speak are declared here: [Attempt] and [Outcome] (one run of a
// handler and how it ended), [Totals] (how often a message failed, over all
// replicas), [Evidence] and [Reason] (why a message is held), [Standing] (what
// is known of a message before it runs) and [Replay] (an entry to run again).
//
// # Middleware
//
// [Chain] is the one named place for users' middleware; the order of the
// consumer's own stages is fixed and cannot be changed from here.
package handlers
