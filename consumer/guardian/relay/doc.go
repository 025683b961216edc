// Package relay carries HTTP requests out of a dying process: the worker hands them whole to the
// guardian through a pipe, and the guardian delivers them.
//
//	worker                                        guardian
//	Transport.RoundTrip ── frame ──► pipe ──► Forwarder.Read ──► queue ──► Forwarder.Run ──► host
//	      └ 202, no body                                           ▲ │
//	                                                              spool
//
// It serves whatever speaks HTTP and needs no answer: Sentry envelopes, OTLP over HTTP. The body is
// opaque; this package knows neither.
//
// # What is promised
//
//   - A request whose RoundTrip returned without an error is in the pipe, which outlives the worker
//     however it dies: panic, os.Exit, SIGKILL.
//   - It is then delivered at least once, and mostly exactly once: a second time if the guardian dies
//     between the answer and the removal of a spooled file.
//   - Requests for one host are sent in the order in which they were read, one at a time; only one
//     that fails again and again steps aside. Hosts do not wait for each other.
//   - Nothing is dropped silently: [Transport.Dropped] and [Forwarder.Stats] count it by reason.
//
// What is only in the guardian's memory dies with the guardian. What is in the spool outlives it, but not
// always a loss of power: files are not synced, so that a burst of failures is taken as fast as it comes.
//
// # States of a request
//
//	            RoundTrip fails: counted in Drops
//	              ▲
//	in the worker ┴► in the pipe ┬► in memory ─┬► delivered
//	                             └► in spool ──┼► refused    3xx, 4xx but 429
//	                                  ▲   ▲    ├► given up   429, 5xx again and again, others not
//	                                  │   │    └► expired    too old
//	             Run ends, restart ───┘   └ memory full; if the spool is full, its oldest is evicted
//
// # What happens on failure
//
//	the pipe is full              RoundTrip waits for WriteTimeout, then ErrFull; a frame that was begun
//	                              is finished before the next one, so the stream stays whole
//	the guardian is gone          RoundTrip fails with ErrGone, at once and for ever
//	the worker dies in a frame    the frame is dropped and counted; those before it are delivered
//	garbage in the pipe           passed over to the next frame and counted
//	a host is down                its requests wait, with exponential backoff; Retry-After is obeyed.
//	                              An hour of one request of 16 KiB a second is kept with the default
//	                              bounds, and two hours at most
//	a host cannot digest one      to the end of the line after MaxTries tries: those behind it follow,
//	                              and if they get through it is given up
//	memory is full                the spool takes it; half of the memory is the most for one host
//	the spool is full             the oldest of the host that has most there is dropped
//	the disk is full, read-only   counted, logged; what fits in memory is still delivered
//	a spool file is damaged       removed and counted
//
// # Who may do what
//
// Everything that a worker wrote, and everything in the spool directory, is hostile: bounded,
// checksummed, and never a reason to stop or to allocate more than one request's bound. Headers are
// secrets: they cross the pipe and lie in the spool (directory 0700, files 0600), and are never
// logged, nor is a URL beyond its host.
//
// Only Linux is tested. On Windows a pipe takes deadlines only if it was made for overlapped I/O; a
// net.Conn works everywhere.
package relay
