// Package demo is the command that shows Theriac at work in a few seconds: messages in, poison among
// them, and a report whose numbers must add up.
//
//	plan ─► publish ─► broker ─► consumers ─► handlers ─► journal (effects)
//	                                 └──────► quarantine ─► replay after the fix ─► handlers
//	journal + quarantine ─► account ─► report
//
// Nothing in the report is taken from what the program believes: an event is published when the
// broker confirmed it, done when its handler's effect stands in the journal, held or discarded when
// the store says so. What is published and is none of these is lost.
//
// # Killed at any moment
//
// With a data directory of its own the demo can be killed at any moment and started again:
//
//	killed while …           the next run
//	publishing               publishes what nothing proves to be published; the broker drops copies
//	a handler worked         receives the message again when its lease ends
//	an effect, then no ack   receives it again; the handler finds its effect and does nothing
//	a message was held       finds the entry, and acknowledges the message on sight
//	replaying                holds the entry again and replays it
//	reporting                reports
//
// The plan (demo.json) is written first and the journal (demo.journal) only grows, so both runs
// work on the same messages and count them together.
//
// This holds on the embedded broker and by the rules of Cloud Pub/Sub. The official Pub/Sub emulator
// breaks them: after a client was killed it confirms messages that it never delivers to anybody, and
// the demo reports those as lost.
package demo
