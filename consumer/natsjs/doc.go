// Package natsjs receives messages from NATS JetStream and publishes to it.
//
// # Receiving
//
// A [Source] is a [consumer.Source] on one durable pull consumer. It keeps a few
// pull requests open, together for as many messages and bytes as may still be
// handed over (see plan), so nothing waits in this process while its lease runs
// out.
//
//	request n ─► broker sends up to n ─► one goroutine per delivery ─► settle
//	    ▲                                                               │
//	    └─────────────── there is room, or a request ended ◄────────────┘
//
// One loop keeps every lease alive: each quarter of the consumer's AckWait it
// tells the broker of all deliveries that it has not touched since the last.
// The requests carry heartbeats; when the broker falls silent they are given up
// and made anew.
//
// What happens on failure:
//
//	connection lost       the client reconnects, new requests are made; what is
//	                      in hand stays in hand and is settled after
//	broker silent         after two to four heartbeats new requests
//	broker refuses        looked up again with backoff: a consumer or stream that
//	                      is gone ends Receive with a *MissingError
//	connection closed     Receive returns ErrClosed
//	this process dies     the broker delivers again after AckWait, or at once when
//	                      the next one adopts its leases and hands them back ([Source.Adopt])
//
// Nothing here ever terminates a message (Term) or lets the broker give up on
// one: a consumer with a delivery limit is refused, since what passes that
// limit is never delivered again.
//
// # Identity
//
// The id of a message is "<stream created, unix ns>.<stream sequence>": a stream
// that is made anew starts its sequences again, its creation time does not
// come again. PublishedAt is the time at which the stream took the message.
//
// # Attributes
//
// NATS headers alter and refuse bytes that attributes may hold. So a [Publisher]
// packs attributes and ordering key into one header, Theriac-Envelope, in a
// form of our own (see envelope.go). A message from elsewhere, without that
// header, shows its NATS headers as attributes.
//
// JetStream keeps no order within a key once several messages are in flight;
// the ordering key travels, and Abilities say that order is not kept.
package natsjs
