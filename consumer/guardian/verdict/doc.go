// Package verdict says who is to blame for the death of a process: a pure
// function from evidence to a verdict, and two small rules that count verdicts.
// It reads no clock, no file and no process, so every rule can be tested as a
// table.
//
//	v := verdict.Of(verdict.Evidence{Slots: slots, Trace: trace, Exit: exit, Ready: true})
//	v.Culprit, v.Suspects // whom to run next in the ward, in this order
//
// # Words
//
// The culprit is named by the crash itself. A suspect is possibly guilty; it
// runs alone in the ward, a process that holds one message at a time. A
// bystander was merely in flight. A label on a goroutine is the name of a slot
// and its generation, "12.4711". It is live only if slot 12 is busy with
// generation 4711; else the goroutine outlived its message, or belongs to
// everybody and was started lazily during it, and the label is stale.
//
// # The tiers
//
// The first row that fits decides.
//
//	N  nobody    clean exit (code 77 and the clean flag) · fault inside the in-flight table · stopping ·
//	             the guardian ended it (hang, recycling) · not ready (if the header of the table is sound) ·
//	             no slot busy
//	D  no trace  nothing on the crash pipe, or no goroutine header in time, or an exit code that is not the
//	             runtime's 2. Suspects: all in flight, youngest first
//	B  at work   the guardian ended it for memory, or since nothing went on in it. Suspects: live labels whose goroutine allocates, then those
//	             running or runnable; all in flight if the dump was cut; tier C if that leaves nobody
//	C  damage    the header of the table is damaged: all in flight, the labelled and running first
//	A  culprit   the first goroutine has one live label, and the kind of death is its own fault. Suspects: none
//	B  detector  it has a live label, but the kind blames whoever noticed (concurrent map access, out of memory,
//	             a kind that is not known), or its block broke off. Suspects: the labelled, then every live label that is running or
//	             runnable; then all in flight if the dump was cut
//	C  stale     it has no live label. Suspects: live labels running or runnable, then all in flight
//
// Only a busy slot can be named. While a slot is being written its handler was
// not yet called; once it settles its handler is over; neither is ever blamed.
// A damaged slot, one that occurs twice, and generation 0 (never begun) convict
// nobody, are not suspects, and are reported. Where a goroutine carries several
// labels, any live one counts; two live ones, or one beside the label of a
// damaged slot, leave it open whose fault it was, which is tier B. Among equal
// suspects the youngest comes first, then the highest slot: the order is total.
//
// Every busy, undamaged slot is in exactly one of: culprit, suspects, timed out,
// bystanders. The attempts of bystanders and of all in tier N count as
// interrupted and are charged to nobody.
//
// The history of the table names the message of a stale label. It is told in a
// note ("late crash, started by message …"); once the history has forgotten it,
// the goroutine outlived at least eight messages and is called a background
// goroutine. Neither is ever a reason to blame.
//
// # What counts
//
// A tier A death counts one for its culprit, whoever is suspect counts nothing,
// and a death alone in the ward counts one for the message that was alone,
// whatever the tier, except N ([Verdict.Charge]). The consumer adds these up over
// all replicas and decides (Policy.MaxCrashes):
//
//	┌─────────┐ fewer than limit-1  ┌──────┐ limit-1 or more     ┌───────┐ limit reached, the last
//	│ suspect ├────────────────────►│ ward ├────────────────────►│ fresh ├─ death alone in a fresh ──► convicted
//	└─────────┘                     └──────┘                     └───────┘  ward process
//	      a success anywhere: cleared, the count is 0 · a death that the guardian or the platform caused: no change
//
// So with the default limit of two a culprit costs one ward process, a suspect
// two, and nobody is convicted by a process that ran anything before.
//
// Two more rules, for the guardian, tell deployments from messages. [Breaker]:
// several distinct culprits in a short time, none succeeding between, are a bad
// deploy. [Loop]: deaths in a row in which no message was in flight are a
// deployment problem.
//
// All functions and methods here are pure and safe for concurrent use, provided
// that nobody changes the evidence meanwhile. None fails or panics, whatever
// the evidence holds.
package verdict
