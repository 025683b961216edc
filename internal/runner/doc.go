// Package runner owns goroutines, so that nobody else has to write a go statement.
//
// Every goroutine of this module has an owner that waits for it. The owner holds a [Group] when
// the work ends by itself, or calls [Run] when several parts live and die together:
//
//	err := runner.Run(ctx, fetcher.Run, settler.Run, heartbeat.Run)
//
// What happens when a part misbehaves:
//
//	a part …              Group.Wait          Run
//	returns               goes on waiting     nil: the others go on; an error: the others are cancelled
//	panics                panics with it      returns it as a *PanicError, the others are cancelled
//	calls runtime.Goexit  goes on waiting     returns ErrGoexit, the others are cancelled
//	never returns         never returns       never returns: a part must obey its context
//
// A panic is never swallowed and never kills the process from a goroutine that nobody watches: it
// travels to the owner with the stack of the place where it happened.
package runner
