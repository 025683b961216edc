package consumertest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func settlingCases() []sourceCase {
	return []sourceCase{
		{"AckedMessagesDoNotReturn", nil, testAckedDoNotReturn},
		{"ConfirmedAcksDoNotReturn", []string{exactlyOnce}, testConfirmedAcks},
		{"NackedMessagesReturn_AsTheSameMessage", nil, testNackedReturn},
		{"NackDelayIsKept", []string{exactDelay}, testNackDelay},
		{"DeliveriesAreCounted", []string{deliveryCount}, testDeliveryCount},
		{"AMessageInHandStaysInHandBeyondItsLease", nil, testLeaseIsKept},
	}
}

func testAckedDoNotReturn(t *testing.T, b *bench) {
	b.ackStays(t, SubscriptionOptions{})
}

func testConfirmedAcks(t *testing.T, b *bench) {
	opts := SubscriptionOptions{ExactlyOnce: true}
	src, _ := b.Subscribe(t, opts).Connect(t)
	if !src.Abilities().ConfirmedAck {
		t.Fatal("Abilities().ConfirmedAck is false on an exactly-once subscription")
	}
	b.ackStays(t, opts)
}

// ackStays acks and listens beyond the lease, in the same process and another.
func (b *bench) ackStays(t *testing.T, opts SubscriptionOptions) {
	t.Helper()
	sub := b.Subscribe(t, opts)
	sub.Publish(t, text("1"), text("2"), text("3"))
	s := b.start(t, sub)
	for range 3 {
		s.next(t).ack(t)
	}
	s.quiet(t, b.traits.Lease+pause)
	s.stop(t)
	b.start(t, sub).quiet(t, pause)
}

func testNackedReturn(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{})
	sub.Publish(t, text("again"))
	s := b.start(t, sub)
	first := s.next(t)
	first.nack(t, 0)
	second := s.next(t)
	if diff := cmp.Diff(first.Message.Identity(), second.Message.Identity()); diff != "" {
		t.Errorf("the identity changed over a redelivery (-first +second):\n%s", diff)
	}
	second.ack(t)
	s.quiet(t, b.traits.Lease+pause)
}

func testNackDelay(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{})
	src, _ := sub.Connect(t)
	if !src.Abilities().ExactDelay {
		t.Skip("the engine decides about delays (Abilities().ExactDelay is false)")
	}
	sub.Publish(t, text("later"))
	s := b.receive(t, src, b.limits())
	// Shorter than the lease, and longer than it.
	for _, delay := range []time.Duration{b.traits.Lease / 2, 2 * b.traits.Lease} {
		h := s.next(t)
		nacked := time.Now()
		h.nack(t, delay)
		again := s.next(t)
		if waited := time.Since(nacked); waited < delay-delay/20 || waited > delay+10*time.Second {
			t.Errorf("back after %v, want %v", waited, delay)
		}
		again.nack(t, 0)
	}
	s.next(t).ack(t)
}

func testDeliveryCount(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{})
	src, _ := sub.Connect(t)
	if !src.Abilities().DeliveryCount {
		t.Skip("the engine does not count (Abilities().DeliveryCount is false)")
	}
	sub.Publish(t, text("count"))
	s := b.receive(t, src, b.limits())
	for want := 1; want <= 3; want++ {
		h := s.next(t)
		if h.Message.DeliveryAttempt != want {
			t.Errorf("DeliveryAttempt = %d, want %d", h.Message.DeliveryAttempt, want)
		}
		h.nack(t, 0)
	}
	s.next(t).ack(t)
}

func testLeaseIsKept(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{})
	sub.Publish(t, text("long"))
	src, _ := sub.Connect(t)
	lim := b.limits()
	lim.MaxOutstanding = 1 // a redelivery would come to the other
	h := b.receive(t, src, lim).next(t)
	other := b.start(t, sub)
	other.quiet(t, 3*b.traits.Lease)
	h.ack(t)
	other.quiet(t, b.traits.Lease+pause)
}
