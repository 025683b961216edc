package consumertest

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers"
)

func endingCases() []sourceCase {
	return []sourceCase{
		{"Ending_WaitsForWhatIsInHand_AndStillSettlesIt", nil, testEndingWaits},
		{"Ending_TakesNoNewMessages_AndHandsBackWhatWaits", nil, testEndingHandsBack},
		{"Ending_GivesUpAfterDrainTimeout_AndTheMessageReturns", []string{leaseExpiry}, testDrainTimeout},
		{"Ending_IsNotHeldUpByGoexit", []string{leaseExpiry}, testGoexit},
		{"ReceiveMayBeCalledAgain", nil, testReceiveAgain},
		{"PausesLoseNothing", nil, testPauses},
	}
}

func testEndingWaits(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{})
	sub.Publish(t, text("1"), text("2"))
	s := b.start(t, sub)
	hands := s.take(t, 2)
	s.cancel()
	select {
	case <-s.ended:
		t.Error("Receive returned while deliveries were in hand")
	case <-time.After(pause):
	}
	for _, h := range hands {
		h.ack(t)
	}
	s.stop(t)
	b.start(t, sub).quiet(t, b.traits.Lease+pause)
}

func testEndingHandsBack(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{})
	const n = 10
	msgs := make([]handlers.Message, n)
	for i := range msgs {
		msgs[i] = text(fmt.Sprint(i))
	}
	sub.Publish(t, msgs...)
	src, _ := sub.Connect(t)
	lim := b.limits()
	lim.MaxOutstanding = 1
	s := b.receive(t, src, lim)
	first := s.next(t)
	s.cancel()
	first.ack(t)
	s.quiet(t, pause)
	s.stop(t)

	missing := map[string]bool{}
	for _, m := range msgs {
		missing[string(m.Data)] = true
	}
	delete(missing, string(first.Message.Data))
	next := b.start(t, sub)
	for len(missing) > 0 {
		h := next.next(t)
		delete(missing, string(h.Message.Data))
		h.ack(t)
	}
}

func testDrainTimeout(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{})
	sub.Publish(t, text("stuck"))
	src, kill := sub.Connect(t)
	lim := b.limits()
	lim.DrainTimeout = pause
	s := b.receive(t, src, lim)
	stuck := s.next(t)
	began := time.Now()
	s.stop(t)
	if took := time.Since(began); took < pause-pause/10 {
		t.Errorf("Receive returned after %v, want it to wait for DrainTimeout, %v", took, pause)
	}
	other := b.start(t, sub)
	again := other.next(t)
	if again.Message.ID != stuck.Message.ID {
		t.Errorf("message %s came, want %s", again.Message.ID, stuck.Message.ID)
	}
	// Too late: whatever the answer, it must neither hang nor take the message
	// from its new holder in a way that loses it.
	_ = stuck.tryNack(t, 0)
	kill()
	again.ack(t)
}

func testGoexit(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{})
	sub.Publish(t, text("exits"))
	src, kill := sub.Connect(t)
	lim := b.limits()
	lim.DrainTimeout = pause
	called := make(chan struct{}, b.traits.Bulk)
	s := b.receiveWith(t, src, lim, func(*consumer.Delivery) {
		called <- struct{}{}
		runtime.Goexit()
	})
	select {
	case <-called:
	case <-time.After(b.traits.Patience):
		t.Fatal("no delivery")
	}
	s.stop(t)
	kill()
	b.start(t, sub).next(t).ack(t)
}

func testReceiveAgain(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{})
	src, _ := sub.Connect(t)
	for i := range 3 {
		sub.Publish(t, text(fmt.Sprint(i)))
		s := b.receive(t, src, b.limits())
		h := s.next(t)
		if got := string(h.Message.Data); got != fmt.Sprint(i) {
			t.Errorf("round %d: message %s came", i, got)
		}
		h.ack(t)
		s.stop(t)
	}
}

// testPauses ends Receive and calls it again, as a consumer does that people pause,
// while much is outstanding: what is in hand is acked after the end of the context,
// all else handed back.
func testPauses(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{})
	const n, inHand = 40, 3
	missing, msgs := map[string]bool{}, make([]handlers.Message, n)
	for i := range msgs {
		msgs[i] = text(fmt.Sprint(i))
		missing[fmt.Sprint(i)] = true
	}
	sub.Publish(t, msgs...)
	src, _ := sub.Connect(t)
	lim := b.limits()
	lim.MaxOutstanding = 2 * inHand
	for range 5 {
		s := b.receive(t, src, lim)
		hands := s.take(t, inHand)
		s.cancel()
		for _, h := range hands {
			delete(missing, string(h.Message.Data))
			h.ack(t)
		}
		s.stop(t)
	}
	for s := b.receive(t, src, lim); len(missing) > 0; {
		h := s.next(t)
		delete(missing, string(h.Message.Data))
		h.ack(t)
	}
}

var leavesNoGoroutines = sourceCase{name: "LeavesNoGoroutines", run: func(t *testing.T, b *bench) {
	before := goleak.IgnoreCurrent()
	t.Run("Used", func(t *testing.T) {
		sub := b.Subscribe(t, SubscriptionOptions{})
		sub.Publish(t, text("1"), text("2"))
		s := b.start(t, sub)
		s.next(t).ack(t)
		s.next(t).nack(t, 0)
		s.next(t).ack(t)
		s.stop(t)
	})
	goleak.VerifyNone(t, before)
}}
