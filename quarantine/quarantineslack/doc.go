// Package quarantineslack tells people in Slack what happens to poison, one message a
// problem, and takes their decisions.
//
//	n, err := quarantineslack.New(quarantineslack.Config{Service: room, Client: slack, Channel: "C0OPS"})
//	err = n.Run(ctx)                    // in a goroutine of its owner, in any number of processes
//	slackkit.NewInteractions(slackkit.InteractionsConfig{Handle: n.Handle, …})
//
// # One message a group
//
// The first entry of a group posts a message; whatever follows edits it in place. The
// message shows the present, its thread keeps what happened, who did it and why.
//
//	suspects wait > 3 s       an entry is held                 somebody clicks, types or replays
//	NAMING ───────────────► CONTAINED ──► TAKEN, SNOOZED ──► REPLAYING ──► RESOLVED
//	   │                       ▲  ▲                              │            │
//	   └► CLEARED, NAMED       │  └───── STILL POISON ◄──────────┘            │
//	                           └───────────────── reopened ◄──────────────────┘
//
// Deaths of the same subscriptions that named nobody share a message, and nobody hears of
// suspects that are settled within 3 s. Such a message becomes the message of the
// group that its culprit is held in. Only what is worse than before is said aloud, in the thread and
// the channel: a group that was over has a held entry again, a replay failed, a snooze
// ended.
//
// Deaths that are no message's fault are told of by build: NOT STARTING, when 4 processes
// died within 5 minutes with no message to blame; BAD DEPLOY, when 3 different messages
// killed workers within one; OVER after 10 minutes without. What a worker that never
// starts left behind is in the store only once another one does.
//
// While a breaker is open nothing is held, so it has a message of its own: BREAKER OPEN,
// CLOSED when all living workers say so, OVER when for 10 minutes there is none to say
// it. One that comes and goes within 2 minutes stays one message. At most 6
// subscriptions are told of at a time, the critical ones first.
//
// What is shown is what quarantine.Explain says, less the titles that may carry what
// was in a payload; see [Title]. Every text from outside is escaped, cut, and made one
// line. No payload, attribute or error text is ever sent.
//
// # Pace
//
// The store is asked each Config.PollEvery what is due. Each round does the most urgent
// thing, which is one call of Slack: first of all new groups, then the others in the
// order in which they became due. A message is edited at most each Config.EditEvery,
// with the last state. So a storm of entries in one group is one message and twelve
// edits a minute. More than 5 new groups within 2 minutes share one message, the digest;
// groups of a digest have their thread there. Hundreds of decisions become one line of a
// thread, and while replays run a thread hears of them once a minute.
//
// # What is remembered, and where
//
// One process leads, for 5 s at a time. All that it knows (which message, what it
// shows, what the thread was told, what the fallbacks were told) stands in the notices
// of the store, put after each call of Slack. So whoever leads next goes on there:
//
//	killed before the call       it is made by the next leader
//	killed after the call,       an edit is made again and changes nothing; a post or a
//	before it was put            reply is made again: people see it twice, once per kill
//	the answer of a post is      it is posted again, since nobody knows where it is
//	lost
//	the lead is lost in between  the same; what the old leader puts is refused
//	a memory that is damaged,    is not used: the group is told as if it were new
//	or of a newer program
//
// Nothing is lost: a group is due until what it shows was put. Slack offers no key that
// would make a post happen once, and to look for a message that may be there would take
// the right to read the channel's history; a message twice, once a kill, is cheaper.
//
// # What happens on failure
//
//	Slack limits us, is slow or away   tried again after 1 s, 2 s, … 30 s, or when it says
//	the channel or the token is bad    tried again after 30 s, 1 min, … 10 min
//	Slack finds fault with a message   it is sent as one line; if that fails, only it waits
//	a message was deleted              it is posted anew
//	any of these                       the reason stands in the notice, for theriac doctor;
//	                                   Config.Policy says when the fallbacks are told, of
//	                                   groups and of deaths without a culprit; they are
//	                                   called beside Slack, and none waits for another
//	the store is away                  nothing is told and nothing is lost; the lead runs out
//	a round panics                     it is logged, and the next round is made
//
// # Clicks
//
// [Notifier.Handle] believes Slack that a person clicked, and nothing else. Team and user
// must be in the configuration; a user has a role; a button says which version of an
// entry or group the person saw, and loses against whoever was first; the request key of
// the click makes it count once. Whoever loses is told by whom, and nobody else sees it.
package quarantineslack
