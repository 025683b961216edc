// Package incident is the domain of the incident workflow: what an incident is, what can be done to
// it and by whom, and what is written down of it. It knows no SQL, no chat, no HTTP and no clock.
//
//	inc, created, err := svc.Declare(ctx, by, incident.NewParams{Name: "checkout is down", Severity: "critical"})
//	inc, err = svc.Do(ctx, "INC-42", by, func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
//		return inc.Resolve(act, incident.ResolveParams{Message: "rolled back"})
//	})
//
// # One document, one list of events
//
// An [Incident] is one document, saved with a version: of two who change it at once the second loads
// again and decides again. Whatever happens to it is an [Event] in the same transaction. The list of
// events is three things at once: the timeline that people read, the outbox from which a relay
// publishes, and what insights are computed from.
//
// # Verbs
//
// What can be done is a method that takes an [Act] (who, when, under which rules) and returns events,
// or an error that says what is allowed. It changes the document in memory and does nothing else, so
// every rule of this package is tested without a store, a network or a clock. [Service].Do loads, runs
// a verb, moves on what can move on by itself (Advance) and saves.
//
// # Effects
//
// What touches the world outside (a channel, a page, a post) is an [Effect]: it is claimed by its key,
// done, and finished, so that it happens once however often its event is delivered. One whose owner
// died in between is probed before it is repeated. Handlers (package handlers/workflow) do that; this
// package says which effects a state should have had (Wanted).
package incident
