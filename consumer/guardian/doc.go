// Package guardian is the small parent process that outlives a crash.
//
// [Run] is the first statement of main. The process that the user starts becomes the guardian; it
// executes the same binary again for each role (a worker, a web server, …) and looks after these
// children:
//
//	a child …                                 then
//	dies after it was ready                   it is started again at once; after a pause if it died so
//	                                          by itself within a second, of no message, 32 times in a row
//	dies before it was ready                  it is started again after a pause that grows
//	dies so RestartLimit times in a row,      Run returns a *GaveUpError: the program should exit
//	and no other role is ready                non-zero, so that the platform is told
//	ends in order ([CleanExit])               it is started again, unless the guardian is stopping
//	is not ready in time                      it is killed, which counts as a death before ready
//
// SIGTERM, SIGINT and the end of Run's context stop the children in order: they are told once, have
// StopTimeout, and are killed then. SIGHUP, SIGUSR1 and SIGUSR2 are passed on. As PID 1 the guardian
// reaps what others left behind. A guardian that dies takes its children along: the kernel signals
// them (Linux), and their control connection ends.
//
// A role with Slots runs handlers. Its table of what is in flight ([Role.InFlight]) outlives it, and
// when it dies the guardian
//
//  1. waits until the runtime has written its trace, but no longer than 2 s after its first block,
//     and until the child is reaped;
//  2. reads the table and asks package verdict who is to blame: a culprit, suspects or nobody;
//  3. makes a crash record durable in the state directory (package crashrecord), with the trace, the
//     end of standard error and copies of what was in flight. If the disk refuses, the table stays
//     in its place;
//  4. starts the next child. Records that nobody takes in are kept within 1,000 and 512 MB; the
//     oldest go first.
//
// A process that dies may have written anything anywhere before. What is damaged names nobody and is
// told; what a child can make its guardian hold is bounded; one that does not keep to the words of its
// ward line is ended, and judged like any other death.
//
// A guardian that finds tables of an earlier one in its state directory does the same for them: that
// it could lock the directory proves that their processes are dead.
//
// # Memory
//
// A kill by the kernel leaves no trace, so the guardian and the child itself come before it
// ([RoleConfig.MemoryLimit], by default what the container allows to all):
//
//	80 %   the collector of Go works hard (GOMEMLIMIT, unless it is set)
//	85 %   of resident memory: the guardian, who looks every 20 ms, asks for a trace of all goroutines;
//	       suspects are the messages whose goroutines were allocating, then those that were running
//	100 %  of private memory, used or reserved: the kernel refuses more, and the runtime of Go dies with
//	       "out of memory" under the label of who asked (Linux: RLIMIT_DATA)
//
// Go reserves its heap in steps of 64 MB, so with a limit of a few hundred megabytes the last line may
// come first. A child's own subprocesses inherit it, each for itself; one that needs more can raise it
// again with ulimit -d. A program with cgo is given 64 stacks of C beside the limit, and one that has
// half of the limit reserved when it starts, as with the race detector, is not limited in this way.
//
// If the kernel must choose after all it takes a ward before a worker, and a worker before the
// guardian and roles without Slots (oom_score_adj, Linux). Elsewhere than on Linux a child tells its
// memory itself, once every 50 ms, as far as it is Go's; only roles with Slots can, and neither
// RLIMIT_DATA nor oom_score_adj protects.
//
// A child that is ended for its memory, or because it hangs, is sent SIGQUIT, after 200 ms without an
// answer SIGTRAP, and after 2 s SIGKILL; what it does with SIGQUIT itself is of no account then.
//
// # Wards
//
// A role with Slots has wards ([RoleConfig.Wards]): processes of the same binary in which f is called
// with Role.Ward set, and which run one message at a time, alone. The role's worker asks for it over a
// connection of its own ([Role.RunAlone]); the guardian starts wards when messages wait, keeps one warm
// that ran nothing yet, and passes bytes that it does not look into.
//
//	the ward …                         then the worker is told
//	answers                            the answer; its next message may be another's
//	dies of the message                what it died of, whether that is charged, and the crash record's id
//	passes the message's limit         the same, as a hang
//	dies of anything else              the same, charged to nobody
//	cannot be started                  so; the message waits, and the worker asks again
//
// A request may ask for a ward that ran nothing before, and does not wait until all others have run:
// a used ward that is free makes room for a fresh one. Wards end with their worker. Package ward is both
// ends of this in the words of consumers.
//
// # Elsewhere
//
// What a child writes to standard error is passed on and its end is kept; what the guardian's own
// does not take, as on a full disk, is lost and told. Standard input and output are the child's own.
// The guardian itself parses no payload and knows no broker, no store and no web: it must not be what
// crashes.
//
// There is no guardian, and Run calls the program's function in this process, under a debugger,
// under go test, where THERIAC_GUARDIAN is "off", and on Windows. The program then works the same,
// protected only as far as recover reaches.
package guardian
