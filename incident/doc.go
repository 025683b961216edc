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
// Which verb leads from which status to which stands in one table ([Transitions]), drawn in
// docs/states.md. A verb that the status does not allow is *[TransitionError] with those that it does.
// The only gates are before the close (*[GateError]), and nobody opens the one on undecided entries but
// who decides.
//
// Text from outside is cleaned where it comes in: valid UTF-8 in which control characters are shown as
// U+FFFD, and bounded. What a person wrote too long is refused by the name of its field, what a machine
// sent is cut. It is escaped where it is shown.
//
// # Events
//
// Each [EventType] has a form of its data (DataNew, DataStatus and so on, read with [DataOf]), traits
// that say how it is read ([TraitOf]), and words ([Line]). The list of an incident's events folds to
// its status, severity, roles, tasks and people; a test does that with random histories.
//
// # Effects
//
// What touches the world outside (a channel, a page, a post) is an [Effect]: it is claimed by its key,
// done, and finished, so that it happens once however often its event is delivered. One whose owner
// died in between is probed before it is repeated. Handlers (package handlers/workflow) do that; this
// package says which effects a state should have had (Wanted).
package incident
