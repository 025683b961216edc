// Package inflight is the table in shared memory that says what a worker is doing, with a copy of
// every message, so that its guardian can still read both when the worker is dead.
//
// The guardian makes a [Table], a file of fixed size, and hands it to the worker it starts. The
// worker maps it ([Open]) and has a [Mapping]; each subscription takes a [Region] of slots. A
// message that runs holds one slot:
//
//	free ──Begin──► writing ──► busy ──Return──► settling ──End──► free
//	                              └───────────────End──────────────►
//
// Trace, before the handler is called, goes back to writing for as long as it adds the span's ids.
//
//	state     the handler          a death now
//	free      does not run         does not concern the slot
//	writing   was not yet called   is not this message's doing, however torn the slot is
//	busy      runs                 may be: the message is culprit, suspect or bystander
//	settling  is over              is not charged to it; the outcome is known
//
// Each Begin gives the slot a new generation. A [Name], slot and generation, is therefore one run of
// one message in the life of a table, and is what goroutine labels carry. State, outcome and
// generation are one aligned word written by one store, and everything else is written while that
// word says that it does not count yet. So no instant of death tears anything: checksums are there
// against stray writes only, such as those of C code.
//
// # Who may do what
//
// A slot has one owner at a time, and that is the duty of whoever calls Begin, Trace, Return and
// End: these take no lock and allocate nothing. Different slots may be used at the same time, and all
// other methods are safe for concurrent use.
//
// The guardian never maps what the worker can write. It reads the file by system calls, so that a
// worker that truncates the file, or fills it with anything, cannot harm its reader: [Table.Read]
// answers with a [Snapshot] whatever the bytes are. Each slot is checked alone; one that is damaged
// is reported and must convict nobody. Whoever reads a table in use sees each slot at one instant,
// but not all slots at the same.
//
// # Costs and limits
//
// The file of a table for N slots has 36 KiB, 768 B a slot, and the arena of message copies: 64 KiB a
// slot, less when that exceeds 64 MiB in total. In a folder the file is allocated when it is made, so a full
// filesystem is an error of [Create] and never a SIGBUS of the worker. In memory only touched
// pages count. A message that does not fit its part of the arena is kept without attributes and
// data, and must wait for its redelivery.
//
// Copies of messages are personal data: the file is readable by its owner alone, is not part of core
// dumps where the system can be asked, and is to be removed as soon as it was read.
package inflight
