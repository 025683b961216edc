// Package notifyfake has the other sides of package notify for tests, drills and demonstrations: a
// PagerDuty that takes events as the real one does, and a receiver of signed webhooks. Both serve HTTP on a
// free port of this machine.
//
//	pd, err := notifyfake.StartPagerDuty(ctx, key)
//	defer pd.Close()
//	sender, err := notify.NewPagerDuty(notify.PagerDutyConfig{RoutingKey: key, URL: pd.URL()})
//	…
//	alerts := pd.Alerts()
//
// # What they are strict about
//
// PagerDuty: a POST of at most 512 KB of JSON to /v2/enqueue with a known routing key of 32 characters, an
// event_action, a dedup_key of at most 255 characters (needed after a trigger), and for a trigger a payload
// with summary (at most 1024 characters), source and a severity of the four. It answers 202 or 400 in
// PagerDuty's form. One alert is open for each key: a trigger of an open one is added to it and pages nobody,
// what is said of one that is not open is answered 202 and dropped, a trigger after a resolve opens the next.
//
// Webhook: a POST to its path with a signature of one of its secrets, checked by [notify.Verify], and a body
// with type, timestamp and data. What comes again with an id that it took is answered as before, counted
// and dropped.
//
// # Faults
//
// [Server.Order] makes the next requests fail in an ordered way, one [Fault] each: a status, a redirect, a
// stall, a reset, an answer that is cut or huge. Each request is in the journal, whatever became of it, so
// that a test can search all that ever arrived for what must not. The journal keeps the newest 1,000.
package notifyfake
