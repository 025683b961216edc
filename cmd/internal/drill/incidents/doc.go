// Package incidents is the drill of the incident service: it runs the real processes against a Slack and
// a pager of its own, makes trouble, and counts what the world outside saw.
//
//	drill ── API ──► incidentd (web, workers, clock, broker) ──► slackfake, notifyfake
//	  │                    ▲                                          │
//	  └── SIGKILL ─────────┘          what happened ◄─────────────────┘
//
//	latency     how long a declaration takes, and until there is a channel, a headline, and who was called
//	            is in it, at rest and while every worker is killed
//	lives       many incidents live random legal lives while processes are killed and requests come twice
//	isolation   declaring and paging, while those who only remind crash again and again or are held back, with
//	            thousands of reminders waiting, and what becomes of these
//
// Nothing is taken from what the service believes of the world: a channel was made when the fake made it,
// somebody was called when the fake pager opened an alert. The store is read for what should have happened.
package incidents
