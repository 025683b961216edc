// Package incidentweb is the HTTP API of the incident workflow, the intake of alerts, and the page
// that people open from a pager: the answer to a page.
//
//	h, err := incidentweb.New(svc, incidentweb.Options{AckKeys: keys, Secret: os.Getenv})
//	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
//
// # Routes
//
// All routes stand in one table, with who may call each and what its body is; docs/api.md is printed
// from it. A test walks every route with every kind of caller.
//
// # Who may call
//
// Programs send a bearer token. It begins with "thr_", is shown once when it is made, and is kept as
// its SHA-256. What a token may do is its role. A token is looked up at most once in 10 s, so one that
// was revoked elsewhere works for that long still; expiry is exact. There is no way in without a token,
// not from loopback either, and no cookie. Alert sources have secrets of their own, and an
// acknowledgement from a pager is allowed by the signature in its link.
//
// A token is nobody's participant, so private incidents do not exist for it, unless its role is admin;
// then a look at one is written into its timeline, once an hour and token.
//
// # What happens once
//
// A new incident needs the header Idempotency-Key; the same key of the same token is answered with the
// incident that it made. Every other verb may have one, and may have If-Match with the version that
// its caller saw. An alert may come as often as it likes: the same delivery is stored once.
//
// # People
//
// Chats link to the API's address of an incident. A browser that opens it has no token: it gets a small page,
// still a 401, that says what does show an incident. It is the same whether there is such an incident or not.
//
// # Errors
//
// They are application/problem+json (RFC 9457) with a code that does not change. Statuses come from
// the one table of internal/problem. What is wrong with the store is logged and not told.
package incidentweb
