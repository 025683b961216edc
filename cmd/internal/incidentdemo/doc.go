// Package incidentdemo is `incidentd demo`: a real incident from its cause to its close, on one
// machine, in half a minute, with nothing installed.
//
//	incidentd demo ─► incidentd all (a process of its own, with a service that takes orders)
//	      │
//	      ├─ runs the Slack workspace that the service talks to, and presses its buttons
//	      ├─ publishes orders, one of which kills the service that confirms them
//	      └─ drives the incident that comes of it through the API, as a program of a user's would
//
// Everything it prints it read from the workspace, the API and the quarantine; nothing of it is fixed
// beforehand. It exits with 9 when something did not come as promised.
package incidentdemo
