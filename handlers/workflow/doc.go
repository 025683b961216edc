// Package workflow holds the handlers that the incident workflow ships: what has to happen in the world
// outside, and in other incidents, because something happened to one.
//
//	for _, r := range workflow.All(workflow.Deps{Service: svc, Chat: chat, Notifier: pager, Webhooks: hooks}) {
//		subscribe(r.Subscription(), r.Handler, r.Critical, r.Timeout)
//	}
//
// # One message, one incident, one look
//
// A message says that something may need doing, never what. A handler acknowledges types that it did
// not ask for on sight, loads the incident as it stands now, and asks whether the thing is still
// wanted: an incident that ended needs no channel, one that somebody answered for pages nobody, a
// message past its limit is answered without its effect, which leaves effect.skipped in the timeline.
// An incident of mode retrospective has no effects, a private one is not named to anybody outside it.
//
// # Once
//
// Whatever is done outside has a key and a row ([incident.Effects]): claim, do, finish. A claim whose
// owner died runs out and is in doubt; whoever comes next asks the other side first, by the same key.
// What can be repeated is repeated; what cannot is found again. So a message may come any number of
// times, in any order, and a process may die between any two lines. What is kept up to date has a row
// that is never done, and says what is shown: a headline, which is edited every 5 s at most.
//
//	the other side says …        the effect               the message
//	done                         done                     acknowledged
//	[Later]: not now             waits                    runs again after that, charged to nobody
//	[InDoubt]: no answer         waits, probed first      runs again a little later, charged to nobody
//	[Never]: refused for good    failed, effect.skipped   acknowledged
//	anything else                waits, probed first      fails; in the end it is quarantined
//
// # Who does the outside
//
// [Chat], [Notifier], [Webhooks] and [Tracker] are owned here and implemented elsewhere. This package
// knows no broker, no store and no chat by name.
package workflow
