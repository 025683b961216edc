// Package consumer says how messages are received, judged and settled.
//
//	c, err := consumer.New(source, consumer.Subscription{Name: "orders", Handler: h}, consumer.Config{Quarantine: q})
//	err = c.Run(ctx)
//
// # The path of a message
//
//	source ─► intake ─► slot ─► handler ─► outcome ─► decide ─► settle ─► ack | retry | quarantine, then ack
//
// The order of the stages is fixed. Middleware (handlers.Chain) runs inside the
// handler stage and can change an answer, never a stage.
//
//   - Intake: a message that was decided before is acknowledged on sight; one that
//     came back too early, or whose standing cannot be told, waits; while the
//     breaker is open all but one wait; while people pause the subscription all are
//     handed back, and while they shed load it is as [Subscription].Shed declares.
//   - Slot: MaxRunning handlers run at once. A message that waits for a slot was
//     not begun, so nothing can be charged to it.
//   - Handler: under recover, on the source's own goroutine. Exactly one outcome
//     comes of it: of the handler's goroutine, the guard that sees runtime.Goexit,
//     and the watchdog that sees the deadline, one wins the claim.
//   - Outcome: of a failure an observer that is an [AttemptEnder] is told here,
//     before anything follows from it.
//   - Decide: a pure function of the outcome, the counts over all replicas and the
//     policy.
//   - Settle: the store first, the broker second.
//
// # What happens when something fails
//
//	handler returns an error        counted; retried after backoff; quarantined at Policy.MaxFailures
//	handler answers Permanent       quarantined at once
//	handler answers Again           run again after the delay; not counted
//	handler panics, or Goexit       counted like an error, with its stack
//	handler passes its deadline     its context ends; after Policy.Grace it is abandoned with its stack; counted
//	counts cannot be recorded       retried; never quarantined on a count
//	quarantine cannot be stored     handed back for a minute; never acknowledged
//	ack fails                       delivered again, and acknowledged on sight or run again
//	standing cannot be read         waits and asks again
//	many messages fail together     the breaker opens: nothing is counted or quarantined, one probe at a time
//	shutdown                        see Run; charged to nobody
//	pause                           nothing begins; what runs ends by itself, all else is handed back; replays and
//	                                suspects run; after the resume the source is called again
//	store away during a pause       it goes on, and ends when it said it would
//	lost replay                     the store holds the entry again once this process is proven dead
//	the process dies                with a Guard: what may have killed it runs alone in a ward, from a copy, before
//	                                this process' successor pulls; counted when it dies there; the second counted
//	                                death, in a fresh ward, quarantines it. Bystanders are charged with nothing
//	handler given up                its next attempt runs in a ward, where it can be killed
//	many different messages kill    the breaker opens, and probes run in wards
//
// A message whose handler succeeds and that never failed costs no database
// statement and takes no lock that other messages take.
//
// # Who may touch what
//
// The source and the quarantine are interfaces of this package, with their
// contracts written on them ([Source], [Quarantine]). Adapters live one level
// below and are checked by consumertest. Only this package settles deliveries.
package consumer
