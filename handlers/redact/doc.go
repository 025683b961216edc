// Package redact decides what of a message and of a failure may be shown where not everybody who looks
// may see messages: error trackers, traces, chat, logs. It is an allow-list. What nobody called safe is
// not shown, whatever it looks like; in its place stands what it was.
//
//	safe, err := redact.New(redact.Config{
//		Subscriptions: map[string]redact.Safe{"orders": {
//			Fields:     []string{"/customer/id", "/lines/*/sku"},
//			Attributes: []string{"tenant"},
//		}},
//		Types: []string{"*pgconn.PgError"},
//		Texts: []string{billing.ErrLedgerClosed.Error()},
//	})
//	events, err := telemetry.NewSentry(telemetry.SentryConfig{Redact: safe, ...})
//
// # Payloads, attributes, keys
//
// [Redactor.Payload] walks a JSON document and gives its shape: paths, types, sizes. The value of a
// string, number, boolean or null is shown only at a path that is registered. Names of keys are data as
// well ({"ada@example.com": 1}), so a key is shown only if it stands in a registered path; all others
// are "?". Numbers are copied as they are written and are never numbers here. What is no JSON is
// described as a whole.
//
// # Texts
//
// The text of an error or of a panic may hold anything, and no pattern knows a secret word from any
// other. [Redactor.Text] lets three kinds of text pass: those that the runtime and the standard library
// make of constants ("index out of range [5] with length 3"), those of types that were called safe, and
// whole texts that were called safe, such as those of sentinel errors. Of any other [Withheld] remains.
// Types of errors and names of functions always pass: they are the program's own.
// [Redactor.Death] and [Stack] do the same for what a dying process printed, and [Stderr] on its way.
//
// # What happens on failure
//
//	nil *Redactor, zero Config    nothing is safe
//	too deep, too many, too large the rest is counted, not looked into
//	broken JSON                   it is described as text; what was read until then is forgotten
//	a value is very long          cut at 200 characters
//
// A Redactor never changes and is safe for concurrent use.
package redact
