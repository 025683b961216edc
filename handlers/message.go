package handlers

import (
	"crypto/sha256"
	"time"
)

// Message is what a broker handed over, as plain data. It holds no context, no
// lock and no way to settle it. Handlers must treat Data and Attributes as
// read-only: a retry of the same delivery sees the same bytes.
type Message struct {
	// ID is the broker's id. Brokers reuse ids (a JetStream sequence restarts
	// when its stream is made anew), so an id alone never identifies a message;
	// see [Message.Identity].
	ID string

	// Data is the payload, exactly as received.
	Data []byte

	// Attributes are the message's attributes, exactly as received. Go strings
	// hold any bytes; values are not promised to be valid UTF-8.
	Attributes map[string]string

	// OrderingKey is the key within which the broker keeps order, or "".
	OrderingKey string

	// PublishedAt is the time at which the broker took the message.
	PublishedAt time.Time

	// DeliveryAttempt is the broker's own count of deliveries, starting at 1, or
	// 0 where the broker does not tell. It is a second witness only: drains,
	// deferrals and prefetched messages raise it, so no decision rests on it.
	DeliveryAttempt int
}

// Identity is what makes two deliveries provably the same message.
type Identity struct {
	// ID is the broker's message id.
	ID string
	// PublishedAt is the broker's publish time, in UTC and cut to microseconds,
	// the resolution that every store keeps.
	PublishedAt time.Time
	// SHA256 is the digest of the payload.
	SHA256 [sha256.Size]byte
}

// Identity computes the identity of m. It hashes the payload, so it is asked
// for on failure paths only.
func (m Message) Identity() Identity {
	return Identity{
		ID:          m.ID,
		PublishedAt: m.PublishedAt.UTC().Truncate(time.Microsecond),
		SHA256:      sha256.Sum256(m.Data),
	}
}

// Size is the number of bytes that m occupies in memory, near enough for
// limits: payload, attributes, ordering key and id.
func (m Message) Size() int {
	n := len(m.Data) + len(m.OrderingKey) + len(m.ID)
	for k, v := range m.Attributes {
		n += len(k) + len(v)
	}
	return n
}
