package consumer

import (
	"context"
	"time"

	"github.com/theriac/theriac/handlers"
)

// Source is one subscription of a broker, as an adapter offers it (gcppubsub,
// natsjs, consumertest's scripted source). Adapters are checked against this
// contract by consumertest.RunSourceTests.
type Source interface {
	// Receive pulls deliveries and calls deliver for each, until ctx ends or the
	// subscription cannot be served any more.
	//
	// Concurrency: every call of deliver has a goroutine of its own, and up to
	// lim.MaxOutstanding calls run at once. deliver returns when the delivery
	// has been settled or given up; the source must not settle by itself, not
	// even when deliver's goroutine exits by runtime.Goexit. A source that keeps
	// order makes the next call for an ordering key only after the previous one
	// of that key returned.
	//
	// Leases: from the call of deliver until the delivery is settled the source
	// keeps the lease alive.
	//
	// Ending: when ctx ends, Receive stops pulling at once, hands back what it
	// holds but has not delivered, and returns nil after every running deliver
	// call has returned, or after lim.DrainTimeout, whichever is first. Deliveries
	// can still be settled until Receive returned; settling later may fail and
	// then means redelivery.
	//
	// Errors: trouble that can pass (broker away, stream reset) is retried inside
	// with backoff and reported to lim.Trouble, charged to no message. Receive
	// returns an error only for what will not mend by itself (no such
	// subscription, no permission), as one line that says what to do. Receive is
	// called once at a time and may be called again after it returned.
	Receive(ctx context.Context, lim Limits, deliver func(*Delivery)) error

	// Abilities says what this engine can do. It is constant.
	Abilities() Abilities
}

// Backlogger is a source whose broker can say how much it still holds.
type Backlogger interface {
	// Backlog asks the broker how many messages of the subscription it has not handed
	// to any consumer yet. It may be called at any time, beside Receive.
	Backlog(ctx context.Context) (messages uint64, err error)
}

// Adopter is a source whose deliveries can be settled by another process than
// the one that received them. With it, what a worker had in flight when it died
// need not wait until its leases end.
type Adopter interface {
	// Adopt takes over a delivery by the token that its Settler told
	// (LeaseToken). It refuses a token that is not of this source's subscription:
	// tokens come from the memory of a process that died.
	Adopt(token string) (Adopted, error)
}

// Adopted settles a delivery of another process.
type Adopted interface {
	Settler
	// Extend keeps the lease for as long as a new delivery would have it.
	Extend() error
}

// Limits is what a source may hand over and how long it may take to end.
type Limits struct {
	// MaxOutstanding is the number of deliveries that may be unsettled at once.
	MaxOutstanding int
	// MaxOutstandingBytes bounds their payload bytes. One message that is larger
	// by itself is still delivered, alone.
	MaxOutstandingBytes int64
	// DrainTimeout bounds the wait for running deliver calls after ctx ended.
	DrainTimeout time.Duration
	// Trouble, if not nil, is told of errors that the source retries and, with
	// nil, that the trouble has passed. It may be called concurrently.
	Trouble func(error)
}

// Abilities is what differs between engines.
type Abilities struct {
	// Engine names the engine by the messaging conventions: "gcp_pubsub", "nats".
	Engine string
	// ExactDelay: Nack's delay is kept. Without it a handed-back message returns
	// by the broker's own retry policy.
	ExactDelay bool
	// DeliveryCount: Message.DeliveryAttempt is filled.
	DeliveryCount bool
	// Ordering: order within an ordering key is kept.
	Ordering bool
	// ConfirmedAck: Ack waits for the broker's confirmation.
	ConfirmedAck bool
}

// Delivery is one hand-over by the broker; a source makes a new one for each. The
// consumer settles each exactly
// once, by Ack or Nack; both may be called from any goroutine, but never twice
// nor at the same time.
type Delivery struct {
	// Message is the message. It is not changed after deliver was called.
	Message handlers.Message
	// Settler settles this delivery.
	Settler Settler

	// job is the consumer's own, kept here so that a message costs one allocation.
	job job
}

// Settler settles one delivery. ctx bounds the wait.
type Settler interface {
	// Ack tells the broker that the message is done for this subscription. Where
	// the engine confirms acks (Abilities.ConfirmedAck) it waits for that. An
	// error means: may be redelivered.
	Ack(ctx context.Context) error

	// Nack hands the message back, to return after delay where the engine can
	// (Abilities.ExactDelay), else by the broker's own policy. A delay of 0 means
	// as soon as the broker likes. An error means: redelivered when the lease
	// ends.
	Nack(ctx context.Context, delay time.Duration) error
}
