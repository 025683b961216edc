// Package replica is the program that a drill puts through its game day: a guarded service with a
// worker, a web server and wards, as a user would write one, whose handler dies in the way that its
// message names.
//
//	theriac drill-replica DIR ─► guardian ─► worker   receives, and dies
//	                                     ├─► web      answers, and must never notice
//	                                     ├─► metrics  serves the numbers of the others
//	                                     └─► ward(s)  run suspects alone
//
// A replica does nothing by itself. What it runs on stands in DIR (see [Spec]); what its handler
// does it asks of the drill, over the drill's socket (see [Line]), and tells it what happened. The
// drill thus knows what is in flight, decides when good messages may go on, and counts effects
// outside of the processes that die.
package replica
