package consumertest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/theriac/theriac/handlers"
)

func deliveryCases() []sourceCase {
	return []sourceCase{
		{"EngineIsNamed", nil, testEngineIsNamed},
		{"WhatWasPublishedIsDelivered_ByteForByte", nil, testByteForByte},
		{"AttributesMayHoldNUL", []string{nulAttributes}, testNULAttributes},
		{"EqualMessagesAreTwoMessages", nil, testEqualMessages},
		{"ManyMessages_NoneIsLost", nil, testManyMessages},
		{"DeliveriesRunAtOnce", nil, testDeliveriesRunAtOnce},
		{"NoMoreThanMaxOutstandingAreHandedOver", nil, testMaxOutstanding},
		{"NoMoreThanMaxOutstandingBytesAreHandedOver", nil, testMaxOutstandingBytes},
		{"AMessageLargerThanTheByteLimitIsDelivered", nil, testLargerThanByteLimit},
		{"OrderIsKeptWithinAKey", []string{ordering}, testOrdering},
		{"FilteredMessagesAreNotDelivered", []string{filters}, testFilter},
	}
}

func testEngineIsNamed(t *testing.T, b *bench) {
	src, _ := b.Subscribe(t, SubscriptionOptions{}).Connect(t)
	first := src.Abilities()
	if first.Engine == "" {
		t.Error("Abilities().Engine is empty")
	}
	if diff := cmp.Diff(first, src.Abilities()); diff != "" {
		t.Errorf("Abilities changed:\n%s", diff)
	}
}

func testByteForByte(t *testing.T, b *bench) {
	random := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(random)
	many := make(map[string]string, 100)
	for i := range 100 {
		many[fmt.Sprintf("attribute-%d", i)] = strings.Repeat("v", i)
	}
	b.roundTrip(t, []handlers.Message{
		{Data: []byte("plain")},
		{Data: []byte{}, Attributes: map[string]string{"empty": "data"}},
		{Data: []byte("\x00\xff\xfe \r\n\t NUL and bad UTF-8")},
		{Data: random},
		{Data: []byte("a hundred attributes"), Attributes: many},
		{Data: []byte("odd attributes"), Attributes: map[string]string{
			"empty value": "", "colon: in key": "and\r\nlines: in value", "ключ": "значение ✓", "  spaces ": "\t spaces ",
		}},
		{Data: []byte("trace"), Attributes: map[string]string{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}},
	})
}

func testNULAttributes(t *testing.T, b *bench) {
	b.roundTrip(t, []handlers.Message{{Data: []byte("x"), Attributes: map[string]string{"nul\x00key": "nul\x00value"}}})
}

// roundTrip publishes msgs, receives them and compares.
func (b *bench) roundTrip(t *testing.T, msgs []handlers.Message) {
	t.Helper()
	sub := b.Subscribe(t, SubscriptionOptions{})
	before := time.Now()
	ids := sub.Publish(t, msgs...)
	want := make(map[string]handlers.Message, len(msgs))
	for i, id := range ids {
		want[id] = msgs[i]
	}
	if len(want) != len(msgs) {
		t.Fatalf("%d messages have the ids %q", len(msgs), ids)
	}
	s := b.start(t, sub)
	for range msgs {
		h := s.next(t)
		got := h.Message
		if !bytes.Equal(want[got.ID].Data, got.Data) {
			t.Errorf("message %s: %d bytes of data arrived as %d others", got.ID, len(want[got.ID].Data), len(got.Data))
		}
		// Attributes that are nil and that are empty say the same.
		opts := cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(handlers.Message{}, "ID", "Data", "PublishedAt", "DeliveryAttempt")}
		if diff := cmp.Diff(want[got.ID], got, opts); diff != "" {
			t.Errorf("message %s changed on its way (-published +delivered):\n%s", got.ID, diff)
		}
		if skew := got.PublishedAt.Sub(before).Abs(); skew > b.traits.Patience {
			t.Errorf("message %s: PublishedAt is %v, published at %v", got.ID, got.PublishedAt, before)
		}
		delete(want, got.ID)
		h.ack(t)
	}
	if len(want) > 0 {
		t.Errorf("%d messages were replaced by copies of others", len(want))
	}
}

func testEqualMessages(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{})
	ids := sub.Publish(t, text("same"), text("same"))
	hands := b.start(t, sub).take(t, 2)
	got := []string{hands[0].Message.ID, hands[1].Message.ID}
	if diff := cmp.Diff(ids, got, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Errorf("ids (-published +delivered):\n%s", diff)
	}
	for _, h := range hands {
		h.ack(t)
	}
}

func testManyMessages(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{})
	msgs := make([]handlers.Message, b.traits.Bulk)
	for i := range msgs {
		msgs[i] = text(fmt.Sprint(i))
	}
	missing := make(map[string]bool, len(msgs))
	for _, id := range sub.Publish(t, msgs...) {
		missing[id] = true
	}
	s := b.start(t, sub)
	for len(missing) > 0 { // a broker may deliver one twice
		h := s.next(t)
		delete(missing, h.Message.ID)
		h.ack(t)
	}
	s.stop(t)
}

func testDeliveriesRunAtOnce(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{})
	const n = 50
	msgs := make([]handlers.Message, n)
	for i := range msgs {
		msgs[i] = text(fmt.Sprint(i))
	}
	sub.Publish(t, msgs...)
	for _, h := range b.start(t, sub).take(t, n) { // none was released yet
		h.ack(t)
	}
}

// pause is long for a machine that delivers in milliseconds, and short enough
// to wait for silence.
const pause = 500 * time.Millisecond

func testMaxOutstanding(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{})
	sub.Publish(t, text("1"), text("2"), text("3"), text("4"), text("5"))
	src, _ := sub.Connect(t)
	lim := b.limits()
	lim.MaxOutstanding = 2
	s := b.receive(t, src, lim)
	hands := s.take(t, 2)
	for range 3 {
		s.quiet(t, pause)
		hands[0].ack(t)
		hands = append(hands[1:], s.next(t))
	}
	for _, h := range hands {
		h.ack(t)
	}
}

func testMaxOutstandingBytes(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{})
	const size = 100_000
	large := handlers.Message{Data: bytes.Repeat([]byte("x"), size)}
	sub.Publish(t, large, large, large, large)
	src, _ := sub.Connect(t)
	lim := b.limits()
	lim.MaxOutstandingBytes = 2*size + size/2
	s := b.receive(t, src, lim)
	hands := s.take(t, 2)
	for range 2 {
		s.quiet(t, pause)
		hands[0].ack(t)
		hands = append(hands[1:], s.next(t))
	}
	for _, h := range hands {
		h.ack(t)
	}
}

func testLargerThanByteLimit(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{})
	sub.Publish(t, handlers.Message{Data: bytes.Repeat([]byte("x"), 1<<20)}, text("small"))
	src, _ := sub.Connect(t)
	lim := b.limits()
	lim.MaxOutstandingBytes = 1000
	s := b.receive(t, src, lim)
	sizes := make(map[int]bool)
	for range 2 {
		h := s.next(t)
		sizes[len(h.Message.Data)] = true
		h.ack(t)
	}
	if !sizes[1<<20] || !sizes[len("small")] {
		t.Errorf("delivered sizes %v, want both messages", sizes)
	}
}

func testOrdering(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{Ordered: true})
	const perKey = 20
	var msgs []handlers.Message
	for i := range perKey {
		for _, key := range []string{"a", "b"} {
			msgs = append(msgs, handlers.Message{Data: []byte(fmt.Sprint(i)), OrderingKey: key})
		}
	}
	sub.Publish(t, msgs...)
	src, _ := sub.Connect(t)
	if !src.Abilities().Ordering {
		t.Skip("the engine keeps no order (Abilities().Ordering is false)")
	}
	s := b.receive(t, src, b.limits())
	hands := s.take(t, 2) // one of each key
	s.quiet(t, pause)     // the next of a key waits for the one before it
	if hands[0].Message.OrderingKey == hands[1].Message.OrderingKey {
		t.Fatal("two messages of one ordering key are in hand at once")
	}
	// A message that is handed back comes again before its successors.
	hands[0].nack(t, 0)
	hands[1].nack(t, 0)
	next := map[string]int{}
	for next["a"]+next["b"] < 2*perKey {
		h := s.next(t)
		key, got := h.Message.OrderingKey, string(h.Message.Data)
		switch got {
		case fmt.Sprint(next[key]):
			next[key]++
		case fmt.Sprint(next[key] - 1): // delivered twice
		default:
			t.Fatalf("key %s: message %s was delivered, want %d", key, got, next[key])
		}
		h.ack(t)
	}
}

func testFilter(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{FilterKey: "kind", FilterValue: "wanted"})
	of := func(kind, data string) handlers.Message {
		return handlers.Message{Data: []byte(data), Attributes: map[string]string{"kind": kind}}
	}
	sub.Publish(t, of("other", "1"), of("wanted", "2"), text("3"), of("wanted", "4"))
	s := b.start(t, sub)
	for _, h := range s.take(t, 2) {
		if got := h.Message.Attributes["kind"]; got != "wanted" {
			t.Errorf("message of kind %q passed the filter", got)
		}
		h.ack(t)
	}
	s.quiet(t, pause)
}
