package consumertest

import (
	"strings"
	"testing"
)

func faultCases() []sourceCase {
	return []sourceCase{
		{"ReceiverDies_ItsMessagesReturnAfterTheLease", []string{leaseExpiry}, testReceiverDies},
		{"LeaseLost_LateAckLosesNothing", []string{leaseExpiry}, testLateAck},
		{"SubscriptionMissing_OneLineSaysSo", nil, testMissing},
		{"BrokerRestarts_NothingIsLost", []string{restarting}, testRestart},
	}
}

func testReceiverDies(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{})
	sub.Publish(t, text("1"), text("2"), text("3"))
	src, kill := sub.Connect(t)
	lim := b.limits()
	lim.DrainTimeout = pause
	victim := b.receive(t, src, lim)
	missing := map[string]bool{}
	for _, h := range victim.take(t, 3) {
		missing[h.Message.ID] = true
	}
	kill()
	s := b.start(t, sub)
	for len(missing) > 0 {
		h := s.next(t)
		delete(missing, h.Message.ID)
		h.ack(t)
	}
}

func testLateAck(t *testing.T, b *bench) {
	sub := b.Subscribe(t, SubscriptionOptions{})
	sub.Publish(t, text("late"))
	src, kill := sub.Connect(t)
	lim := b.limits()
	lim.DrainTimeout = pause
	s := b.receive(t, src, lim)
	late := s.next(t)
	s.stop(t)
	other := b.start(t, sub)
	again := other.next(t) // the lease is lost
	if err := late.tryAck(t); err != nil {
		t.Logf("the late ack reports: %v", err)
	}
	kill()
	again.ack(t)
	other.quiet(t, b.traits.Lease+pause)
}

func testMissing(t *testing.T, b *bench) {
	src, name := b.Missing(t)
	s := b.receive(t, src, b.limits())
	s.wait(t)
	switch {
	case s.err == nil:
		t.Error("Receive returned nil for a subscription that does not exist")
	case strings.Contains(s.err.Error(), "\n") || !strings.Contains(s.err.Error(), name):
		t.Errorf("Receive = %q, want one line that names %q", s.err, name)
	}
}

func testRestart(t *testing.T, b *bench) {
	r, ok := b.Harness.(Restarter)
	if !ok {
		t.Skip("the harness cannot restart its broker (it is no consumertest.Restarter)")
	}
	sub, restart := r.SubscribeRestartable(t)
	ids := sub.Publish(t, text("done before"), text("in hand"), text("in hand"))
	missing := map[string]bool{}
	for _, id := range ids {
		missing[id] = true
	}
	s := b.start(t, sub)
	hands := s.take(t, 3)
	hands[0].ack(t)
	delete(missing, hands[0].Message.ID)
	restart(func() {
		// Handing back to a broker that is away may fail; then the lease does it.
		for _, h := range hands[1:] {
			_ = h.tryNack(t, 0)
		}
	})
	for _, id := range sub.Publish(t, text("after")) {
		missing[id] = true
	}
	for len(missing) > 0 {
		h := s.next(t)
		delete(missing, h.Message.ID)
		h.ack(t)
	}
	s.stop(t)
}
