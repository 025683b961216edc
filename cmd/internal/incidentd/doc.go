// Package incidentd is the service of the incident workflow: it wires the rooms together and gives
// each part a process of its own, under a guardian.
//
//	incidentd all ─► guardian ─► broker                JetStream, where no other broker is named
//	                          ├► slack                 a workspace of its own, where no token is given
//	                          ├► web                   API, pages, what Slack and alert sources send
//	                          ├► worker-critical       declares, pages, makes channels   ─► wards
//	                          ├► worker-non-critical   reminds, records, sends copies    ─► wards
//	                          ├► clock                 relay, beats, watchdog, what is held: it runs no handlers
//	                          └► metrics               the numbers of all others
//
// Each also runs by itself (incidentd web, incidentd worker --class=critical, …), on a machine of its
// own, against the same store and broker.
//
// # Who needs what
//
//	to declare, update, read    the store. Neither broker nor worker nor Slack
//	to tell people              store, broker, workers, Slack; what cannot be told waits
//	to page                     store, broker, critical workers; the watchdog speaks without them
//	to hear what is held        the quarantine's store; in Slack also Slack, in incidents also what they need
//
// # What happens when something dies
//
//	a worker      the guardian names the message; it runs alone in a ward; the next worker is there in
//	              milliseconds. Web requests do not notice.
//	all workers   what was stored waits in the store and the broker, and its effects follow
//	the clock     nothing is published until it is back, which is at once; another one may run elsewhere
//	the web       Slack repeats what was not answered; the command line works directly on the store
//	the broker    the relay waits, and everything above with it
//	a crash loop  the worker comes back in safe mode: a critical one runs few messages at a time, a
//	              non-critical one rests first, see safemode.go
package incidentd
