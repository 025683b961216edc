// Package gcppubsub receives messages from Google Cloud Pub/Sub and publishes
// to it. It is the one place that speaks to Google's client.
//
// # Receiving
//
// A [Source] is a [consumer.Source] on one subscription. Google's client pulls,
// extends leases and runs each delivery on a goroutine of its own; this package
// adds what the contract asks beyond that:
//
//   - Leases are 10 s, not the client's 60, so what a dead process had in hand
//     comes back after 10 s. They are kept until the delivery is settled, not
//     for an hour.
//   - A delivery is settled once: of two calls the first wins. The client's own
//     guard is a plain bool.
//   - When Receive ends its streams end towards the broker at once, while the
//     client still believes in them: told to end, it would drop what is settled
//     from then on. It is told when the deliver calls have returned, what was
//     left is handed back, and the last acknowledgements have reached the broker.
//   - A watchdog: if the client's Receive does not return in time after its
//     context ended, Receive returns a [*StuckError].
//   - Errors that the client retries in silence are reported to Limits.Trouble.
//
// What happens on failure:
//
//	broker away             the client opens its streams again with backoff; what
//	                        is in hand stays in hand and is settled after
//	client's Receive ends   started again with backoff, up to 5 s; the client
//	                        forgets what was in hand, which is redelivered
//	no such subscription    Receive returns a *MissingError
//	no permission, refused  Receive returns a *RefusedError
//	Client closed           Receive returns ErrClosed
//	ack lost                redelivered; exactly-once subscriptions report it
//	this process dies       redelivered after the lease
//
// # Order
//
// Where the subscription has message ordering, the next delivery of a key waits
// for the deliver call of the one before. A message that is handed back comes
// again together with all later ones of its key; those that this process had
// received already are delivered twice.
//
// # Delays
//
// Pub/Sub has no delay for one message: what is handed back returns by the
// retry policy of the subscription ([SetupConfig] chooses a short one).
// The delivery count is passed on where the subscription has a dead letter
// policy, but nothing rests on it.
package gcppubsub
