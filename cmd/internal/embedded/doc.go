// Package embedded runs the embedded engines of a data directory for as long as one command lives.
//
// The broker is a process of its own, so that it outlives neither more nor less than the command
// that needs it: our own program, started again with a hidden subcommand.
//
//	theriac demo                                theriac internal-broker DIR
//	────────────                                ───────────────────────────
//	Claim      locks the data directory
//	Start ──── pipe to its stdin ─────────────► ends when this pipe does
//	      ◄─── a note on its stdout ─────────── ready: url, pid, token file; or what is wrong
//	      ◄─── its stderr ───────────────────── the last lines are kept for an error
//	Close ──── closes the pipe, waits ────────► closes its store and exits
//
// # What happens when something dies
//
//	the command is killed    the kernel closes the pipe and, on Linux, kills the broker; the lock of
//	                         the directory is free at once, and the next command takes over
//	the broker dies          Done is closed and Err says why
//	the broker cannot start  Start returns its own words, or its last lines on stderr
//	the broker says nothing  Start gives up after Config.Patience and kills it
//
// No secret travels in arguments or environment: the token stands in a file of the data directory
// that only its owner can read. The broker listens on loopback only.
package embedded
