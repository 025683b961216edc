// Package fakesentry is a Sentry server for tests and drills: it takes envelopes over HTTP as the real
// one does, keeps the events in memory, and can be slow or refuse.
//
//	s, err := fakesentry.Start(ctx)
//	defer s.Close()
//	client, err := sentry.NewClient(sentry.ClientOptions{Dsn: s.DSN()})
//	…
//	events := s.Events()
//
// # What it is strict about
//
// A request must be a POST to /api/<project>/envelope/ with the DSN's key, and its body (plain or gzip)
// an envelope to the letter: a header line, then items whose lengths are exact. Everything else is
// answered as Sentry would, 4xx, kept as a [Refusal], and never as an event. Bodies are bounded, so it
// may be fed anything.
//
// Like Sentry it keeps one event per id: what arrives again is counted by [Server.Duplicates].
package fakesentry
