// Package metrics serves the numbers of a service whose workers may die: a process of its own keeps
// them, and each other process tells it its own, once a second.
//
//	worker ── SDK ── Pusher ── OTLP over a socket ──► Server ──► /metrics, for Prometheus
//	  └ dies: at most one second is lost                │
//	worker's successor ───────────────────────────────►─┤
//	                                    crash records ──┘ state file: it may die, too
//
// # What is promised
//
//   - A counter never goes backwards while a worker dies and the next one begins at 0: what an
//     incarnation had counted stays in the sum.
//   - A gauge of a process that is gone, or was not heard of for [Stale], is not told any more.
//   - A death is counted once, by the id of its crash record, whoever tells of it and how often
//     ([Server.Death]).
//   - What was told to Prometheus once is in the state file before: the server may die at any moment
//     and goes on from there.
//   - Numbers are those that processes pushed. Nothing here asks a worker, so nothing here waits for
//     one, and a worker never waits for this.
//
// # Labels
//
// Counters and histograms of all processes are summed, so they need no label that says whose they are.
// A gauge is about a process and has the label role.
//
// # What is refused
//
// Who pushes may be a process that is about to die and writes anything: a push has at most [MaxPush]
// bytes and 5,000 series, names and labels are made fit, values that are no numbers are left out, and
// what makes no sense is refused as a whole and counted. Only the user who runs the service can reach
// the socket. An incarnation whose successor was heard of is not taken any more.
//
// # What happens on failure
//
//	nobody listens yet            the push is lost, the next one says the same and more
//	the server dies               the guardian starts it again; it goes on from its state file
//	the state file cannot be      told in the log; numbers are kept in memory only, and begin at 0 with
//	written, or read              the next process
//	a worker stops pushing        its gauges vanish, its counters stay as they are
//	the whole service is stopped  the server goes on until the others have told their last numbers
//	the store does not answer     theriac_store_up is 0, and what it alone knows vanishes
package metrics
