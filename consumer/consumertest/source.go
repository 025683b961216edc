package consumertest

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
)

// Script is how a [Source] behaves. The zero value is a broker without faults
// that keeps delays exactly.
type Script struct {
	// Abilities are what the source claims. Default: exact delays and delivery
	// counts, engine "scripted".
	Abilities *consumer.Abilities
	// Redeliver is the wait before a message returns whose ack was lost, and the
	// wait after a nack where delays are not exact. Default 1 s.
	Redeliver time.Duration
	// OnAck, if not nil, may lose an ack: on an error the message returns. n
	// counts the acks of this message, from 1.
	OnAck func(m handlers.Message, n int) error
	// OnNack, if not nil, may lose a nack: on an error the message returns after
	// Redeliver.
	OnNack func(m handlers.Message, n int) error
	// IgnoreCancel makes Receive stick when its context ends, until Fail.
	IgnoreCancel bool
}

// Source is a broker's subscription in memory. All methods are safe for
// concurrent use.
type Source struct {
	script Script
	fail   chan error
	more   chan struct{} // holds a token while something may be ready
	group  runner.Group

	mu         sync.Mutex
	ready      []*scripted
	serial     int
	unsettled  int // messages published and not yet acked
	inHand     int // deliveries not yet settled
	later      int // messages that return after a delay
	quiet      []chan struct{}
	events     []Event
	violations []string
}

// Event is one settling.
type Event struct {
	ID string
	// Ack is true for an ack, false for a nack with Delay.
	Ack   bool
	Delay time.Duration
	// Err is what the script answered.
	Err error
}

// scripted is a message at the broker.
type scripted struct {
	message    handlers.Message
	deliveries int
	acks       int
	nacks      int
	acked      bool
}

// NewSource returns an empty subscription.
func NewSource(script Script) *Source {
	if script.Abilities == nil {
		script.Abilities = &consumer.Abilities{Engine: "scripted", ExactDelay: true, DeliveryCount: true}
	}
	if script.Redeliver == 0 {
		script.Redeliver = time.Second
	}
	return &Source{script: script, fail: make(chan error, 1), more: make(chan struct{}, 1)}
}

// Publish makes messages ready, in order. A message without an id or publish
// time gets one.
func (s *Source) Publish(msgs ...handlers.Message) {
	s.mu.Lock()
	for _, m := range msgs {
		s.serial++
		if m.ID == "" {
			m.ID = "m-" + strconv.Itoa(s.serial)
		}
		if m.PublishedAt.IsZero() {
			m.PublishedAt = time.Now()
		}
		s.ready = append(s.ready, &scripted{message: m})
		s.unsettled++
	}
	s.mu.Unlock()
	s.wake()
}

// Fail makes Receive end with err.
func (s *Source) Fail(err error) { s.fail <- err }

// Quiet returns a channel that is closed once every published message has been
// acknowledged, and no delivery is unsettled or about to return.
func (s *Source) Quiet() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := make(chan struct{})
	s.quiet = append(s.quiet, c)
	s.announceLocked()
	return c
}

// Events returns all settlings so far, in order.
func (s *Source) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Event(nil), s.events...)
}

// Violations lists what the consumer must never do and did: settling a delivery
// twice. It is empty for a correct consumer.
func (s *Source) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.violations...)
}

// Unsettled returns how many published messages are not acknowledged.
func (s *Source) Unsettled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unsettled
}

// Redeliver makes a message ready once more although it is in flight or done,
// as brokers do.
func (s *Source) Redeliver(m handlers.Message) {
	s.mu.Lock()
	s.ready = append(s.ready, &scripted{message: m, deliveries: 1, acked: true})
	s.mu.Unlock()
	s.wake()
}

// Abilities implements [consumer.Source].
func (s *Source) Abilities() consumer.Abilities { return *s.script.Abilities }

// Receive implements [consumer.Source].
func (s *Source) Receive(ctx context.Context, lim consumer.Limits, deliver func(*consumer.Delivery)) error {
	room := make(chan struct{}, lim.MaxOutstanding)
	var running sync.WaitGroup
	for {
		var err error
		select {
		case room <- struct{}{}:
			m := s.next(ctx)
			if m == nil {
				<-room
				err = s.ending(ctx)
				return s.drain(&running, lim.DrainTimeout, err)
			}
			running.Add(1)
			s.group.Go(func() {
				defer running.Done()
				d := s.delivery(m, room)
				deliver(d)
			})
		case <-ctx.Done():
			return s.drain(&running, lim.DrainTimeout, s.ending(ctx))
		}
	}
}

// next waits for a ready message; nil when Receive is to end.
func (s *Source) next(ctx context.Context) *scripted {
	for {
		s.mu.Lock()
		if len(s.ready) > 0 && ctx.Err() == nil {
			m := s.ready[0]
			s.ready = s.ready[1:]
			m.deliveries++
			s.inHand++
			s.mu.Unlock()
			return m
		}
		s.mu.Unlock()
		select {
		case <-s.more:
		case <-ctx.Done():
			return nil
		case err := <-s.fail:
			s.fail <- err
			return nil
		}
	}
}

func (s *Source) ending(ctx context.Context) error {
	if s.script.IgnoreCancel || ctx.Err() == nil {
		return <-s.fail
	}
	return nil
}

// drain waits for the running calls, or for the bound.
func (s *Source) drain(running *sync.WaitGroup, bound time.Duration, err error) error {
	done := make(chan struct{})
	s.group.Go(func() { running.Wait(); close(done) })
	timer := time.NewTimer(bound)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
	return err
}

func (s *Source) delivery(m *scripted, room chan struct{}) *consumer.Delivery {
	msg := m.message
	if s.script.Abilities.DeliveryCount {
		msg.DeliveryAttempt = m.deliveries
	}
	return &consumer.Delivery{Message: msg, Settler: &settler{source: s, scripted: m, room: room}}
}

// settler settles one delivery.
type settler struct {
	source   *Source
	scripted *scripted
	room     chan struct{}
	settled  atomic.Bool
}

// Ack implements [consumer.Settler].
func (x *settler) Ack(context.Context) error {
	s, m := x.source, x.scripted
	defer x.leave("ack")
	s.mu.Lock()
	m.acks++
	n := m.acks
	s.mu.Unlock()
	var err error
	if s.script.OnAck != nil {
		err = s.script.OnAck(m.message, n)
	}
	s.note(Event{ID: m.message.ID, Ack: true, Err: err})
	if err != nil {
		s.returnAfter(m, s.script.Redeliver)
		return err
	}
	s.mu.Lock()
	if !m.acked {
		m.acked = true
		s.unsettled--
	}
	s.mu.Unlock()
	return nil
}

// Nack implements [consumer.Settler].
func (x *settler) Nack(_ context.Context, delay time.Duration) error {
	s, m := x.source, x.scripted
	defer x.leave("nack")
	s.mu.Lock()
	m.nacks++
	n := m.nacks
	s.mu.Unlock()
	var err error
	if s.script.OnNack != nil {
		err = s.script.OnNack(m.message, n)
	}
	s.note(Event{ID: m.message.ID, Delay: delay, Err: err})
	if err != nil || !s.script.Abilities.ExactDelay {
		delay = s.script.Redeliver
	}
	s.returnAfter(m, delay)
	return err
}

// leave ends the delivery, once.
func (x *settler) leave(how string) {
	s := x.source
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.settled.Swap(true) {
		s.violations = append(s.violations, fmt.Sprintf("%s: second settling by %s", x.scripted.message.ID, how))
		return
	}
	<-x.room
	s.inHand--
	s.announceLocked()
}

func (s *Source) note(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

func (s *Source) returnAfter(m *scripted, delay time.Duration) {
	s.mu.Lock()
	s.later++
	s.mu.Unlock()
	back := func() {
		s.mu.Lock()
		s.later--
		s.ready = append(s.ready, m)
		s.mu.Unlock()
		s.wake()
	}
	if delay <= 0 {
		back()
		return
	}
	time.AfterFunc(delay, back)
}

func (s *Source) wake() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

func (s *Source) announceLocked() {
	if s.unsettled > 0 || s.inHand > 0 || s.later > 0 || len(s.ready) > 0 {
		return
	}
	for _, c := range s.quiet {
		close(c)
	}
	s.quiet = nil
}
