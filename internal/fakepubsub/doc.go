// Package fakepubsub is a Pub/Sub server over gRPC that keeps the documented
// rules and is fast enough to load a client. Benchmarks, drills and tests use
// it; it keeps everything in memory and is never a default.
//
// # Rules it keeps
//
// A message is in one of four places of each subscription: ready, leased to a
// client, waiting for its retry backoff, or gone (acknowledged, dead-lettered,
// or skipped by a seek).
//
//		publish ─► ready ─► leased ─► gone            by ack
//		             ▲         │
//		             └─ waiting ◄┘                    by nack or expiry
//
//	  - Leases last as long as the stream (or, for unary pulls, the
//	    subscription) says and are changed by ModifyAckDeadline. They end at their
//	    time, up to 20 ms late and never early. When a client dies its streams go
//	    at once, its leases by time.
//	  - Nack and expiry are the same to the retry policy, to the delivery count
//	    and to dead-lettering. The count is sent only where a dead letter policy
//	    stands. A message is forwarded exactly once.
//	  - An ack id names one delivery. After the delivery ended it has no effect,
//	    which the documentation allows and is the harder case for clients. With
//	    exactly-once delivery the caller is told so.
//	  - With ordering, one key is delivered in publish order and to one stream
//	    while any of it is outstanding. When a message of a key comes back, all
//	    later ones of that key come back behind it; acknowledged ones too, except
//	    with exactly-once delivery.
//	  - A stream is sent no more than its max_outstanding_messages and
//	    max_outstanding_bytes ask for.
//
// # What it does not do
//
// Push, filters, schemas, message transforms, IAM and persistence. Requests for
// them are refused with Unimplemented, never silently ignored. Backlogs are not
// trimmed by age.
//
// # Locks
//
// The server's lock guards the names of topics, subscriptions and snapshots; a
// topic's lock its list of subscriptions; a subscription's lock all its
// messages and streams. A subscription's lock may be held while the server's is
// taken, never the other way round, and no two subscriptions are locked at once.
package fakepubsub
