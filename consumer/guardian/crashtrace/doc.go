// Package crashtrace reads what a dying Go process writes to its crash descriptor: who died (the
// labels of the first goroutine), in which way (the kind, from the frames), and what the others were
// doing. It knows no process, no table and no verdict.
//
//	trace, err := crashtrace.Read(pipe, crashtrace.Limits{}, func(crashtrace.Trace) { startNext() })
//
// # Order
//
// The runtime prints, and Read passes through, these states:
//
//	preamble ──header──► first block ──blank line──► rest ──end of stream or a limit──► done
//	panic text,          the goroutine that died;    the other
//	signal, the stack    onFirst is called at        goroutines
//	of the thread        its end
//
// The preamble holds the panic value and may be huge: its first 64 KB are kept, the rest is read
// and dropped, and no limit counts before the first header. A block of goroutine 0, one that is
// idle, and "runtime stack:" speak of the thread and not of a goroutine: they belong to the
// preamble, and are skipped in the rest.
//
// # What is trusted
//
// A header is a line in the documented form that begins in the first column, and lines end at LF
// only. The runtime puts a tab after each newline of a panic value and quotes labels, so neither
// can forge one here, whereas anybody can on standard error: never feed standard error to Read. A
// line that begins as a header and goes on in a way that is not known is a goroutine without labels:
// were it passed over, the next goroutine, an innocent, would be taken for the one that died.
//
// The kind comes from the frames and the preamble alone; [Kind.OwnFault] is an allow-list, so what
// a later runtime invents is not anybody's own fault. A trace that was cut anywhere is never more
// damning than the whole.
//
// # Who may do what, and failure
//
// The caller owns the reader and the time: to end Read it closes the reader, or the process. What
// was read by then is returned with Complete false and the error of the reader. A limit ends Read
// without an error, Truncated true; the caller must go on draining the pipe or end the process, for
// a dying process whose pipe is full waits for ever. Whatever the bytes are, Read neither panics nor
// holds more than its limits.
//
// [Tail] keeps the end of standard error, which is for people only: no decision rests on it.
//
// Facts about the Go runtime that this rests on are pinned by tests that crash real children.
package crashtrace
