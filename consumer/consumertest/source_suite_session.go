package consumertest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
)

// session is one running Receive. Each deliver call waits until the test lets
// it go, so a case decides what is in hand and when.
type session struct {
	b      *bench
	handed chan *hand
	ended  chan struct{} // closed when Receive returned
	err    error         // what it returned; read after ended
	ctx    context.Context
	cancel context.CancelFunc
	freeze chan struct{} // closed at cleanup: lets every deliver call go
	group  runner.Group
}

// hand is a delivery whose deliver call is running.
type hand struct {
	*consumer.Delivery
	release  func()
	patience time.Duration
}

// limits are roomy; cases that test limits bring their own.
func (b *bench) limits() consumer.Limits {
	return consumer.Limits{MaxOutstanding: 100, MaxOutstandingBytes: 64 << 20, DrainTimeout: b.traits.Patience}
}

// receive starts Receive and ends it with t.
func (b *bench) receive(t *testing.T, src consumer.Source, lim consumer.Limits) *session {
	t.Helper()
	return b.receiveWith(t, src, lim, nil)
}

// receiveWith is receive with a deliver function of the case's own.
func (b *bench) receiveWith(t *testing.T, src consumer.Source, lim consumer.Limits, deliver func(*consumer.Delivery)) *session {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	s := &session{b: b, handed: make(chan *hand), ended: make(chan struct{}), freeze: make(chan struct{}), ctx: ctx, cancel: cancel}
	if deliver == nil {
		deliver = s.deliver
	}
	s.group.Go(func() {
		defer close(s.ended)
		s.err = src.Receive(ctx, lim, deliver)
	})
	t.Cleanup(func() {
		cancel()
		close(s.freeze)
		select {
		case <-s.ended:
		case <-time.After(lim.DrainTimeout + b.traits.Patience):
			t.Error("Receive did not return after its context ended")
			return
		}
		s.group.Wait()
	})
	return s
}

// start connects to sub and receives from it with roomy limits.
func (b *bench) start(t *testing.T, sub Subscription) *session {
	t.Helper()
	src, _ := sub.Connect(t)
	return b.receive(t, src, b.limits())
}

// deliver hands back at once what the case did not take before it stopped, as
// the consumer does with what it has not begun.
func (s *session) deliver(d *consumer.Delivery) {
	released := make(chan struct{})
	h := &hand{Delivery: d, release: sync.OnceFunc(func() { close(released) }), patience: s.b.traits.Patience}
	select {
	case s.handed <- h:
	case <-s.ctx.Done():
		// An error means that the lease will do it.
		_ = d.Settler.Nack(context.WithoutCancel(s.ctx), 0)
		return
	}
	select {
	case <-released:
	case <-s.freeze:
	}
}

// next waits for a delivery.
func (s *session) next(t *testing.T) *hand {
	t.Helper()
	select {
	case h := <-s.handed:
		return h
	case <-s.ended:
		t.Fatalf("Receive returned %v while a delivery was awaited", s.err)
	case <-time.After(s.b.traits.Patience):
		t.Fatalf("no delivery within %v", s.b.traits.Patience)
	}
	return nil
}

// take waits for n deliveries.
func (s *session) take(t *testing.T, n int) []*hand {
	t.Helper()
	hands := make([]*hand, 0, n)
	for range n {
		hands = append(hands, s.next(t))
	}
	return hands
}

// quiet fails t if anything is delivered within d.
func (s *session) quiet(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case h := <-s.handed:
		t.Fatalf("message %s was delivered (delivery %d), want silence", h.Message.ID, h.Message.DeliveryAttempt)
	case <-time.After(d):
	}
}

// stop ends the context and waits for Receive to return, which must be nil.
func (s *session) stop(t *testing.T) {
	t.Helper()
	s.cancel()
	s.wait(t)
	if s.err != nil {
		t.Errorf("Receive = %v after its context ended, want nil", s.err)
	}
}

// wait waits for Receive to return.
func (s *session) wait(t *testing.T) {
	t.Helper()
	select {
	case <-s.ended:
	case <-time.After(s.b.traits.Patience):
		t.Fatalf("Receive did not return within %v", s.b.traits.Patience)
	}
}

// ack settles and ends the deliver call.
func (h *hand) ack(t *testing.T) {
	t.Helper()
	if err := h.tryAck(t); err != nil {
		t.Errorf("Ack of message %s: %v", h.Message.ID, err)
	}
}

// nack hands back and ends the deliver call.
func (h *hand) nack(t *testing.T, delay time.Duration) {
	t.Helper()
	if err := h.tryNack(t, delay); err != nil {
		t.Errorf("Nack of message %s: %v", h.Message.ID, err)
	}
}

// tryAck is ack where the answer may be an error.
func (h *hand) tryAck(t *testing.T) error {
	defer h.release()
	ctx, cancel := context.WithTimeout(t.Context(), h.patience)
	defer cancel()
	return h.Settler.Ack(ctx)
}

// tryNack is nack where the answer may be an error.
func (h *hand) tryNack(t *testing.T, delay time.Duration) error {
	defer h.release()
	ctx, cancel := context.WithTimeout(t.Context(), h.patience)
	defer cancel()
	return h.Settler.Nack(ctx, delay)
}

// text is a message with a payload and nothing else.
func text(data string) handlers.Message { return handlers.Message{Data: []byte(data)} }
