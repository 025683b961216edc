package gcppubsub

import (
	"context"
	"errors"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/internal/runner"
)

const (
	firstPause = 100 * time.Millisecond
	longPause  = 5 * time.Second
	askTimeout = 5 * time.Second
	// flushTimeout bounds the wait for the last acknowledgements to arrive.
	flushTimeout = 2 * time.Second
	// forever is how long leases are kept: until the delivery is settled.
	forever = 10 * 365 * 24 * time.Hour
)

// Receive implements [consumer.Source]. Errors: [*MissingError],
// [*RefusedError], [*StuckError], [ErrClosed], or one that wraps [ErrUnfit].
func (s *Source) Receive(ctx context.Context, lim consumer.Limits, deliver func(*consumer.Delivery)) error {
	r := newReceiver(s, lim, deliver)
	stop := s.client.listen(r)
	defer stop()
	if err := r.checkPatiently(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	err := r.serve(ctx)
	r.finish(ctx)
	return err
}

// receiver is one call of Receive.
type receiver struct {
	mood
	src     *Source
	name    string
	lim     consumer.Limits
	deliver func(*consumer.Delivery)
	held    held
	wire    wire
}

func newReceiver(s *Source, lim consumer.Limits, deliver func(*consumer.Delivery)) *receiver {
	return &receiver{
		mood: mood{report: lim.Trouble},
		src:  s, name: s.name, lim: lim, deliver: deliver,
		wire: wire{moved: make(chan struct{}, 1)},
	}
}

// checkPatiently asks until there is an answer. It returns nil when ctx ended.
func (r *receiver) checkPatiently(ctx context.Context) error {
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		ask, cancel := context.WithTimeout(ctx, askTimeout)
		err := r.src.Check(ask)
		cancel()
		if err == nil {
			r.mended()
			return nil
		}
		if ctx.Err() != nil {
			return nil
		}
		if final(err) {
			return err
		}
		r.trouble(err)
		if !wait(ctx, pause) {
			return nil
		}
	}
}

// final reports whether an error in our words ends Receive.
func final(err error) bool {
	_, missing := errors.AsType[*MissingError](err)
	_, refused := errors.AsType[*RefusedError](err)
	return missing || refused || errors.Is(err, ErrUnfit) || errors.Is(err, ErrClosed)
}

// serve runs the client's Receive until ctx ends, starting it again when it
// ends by trouble that can pass.
func (r *receiver) serve(ctx context.Context) error {
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		began := time.Now()
		err := r.pull(ctx)
		switch {
		case ctx.Err() != nil:
			return err
		case r.src.client.closed.Load():
			return ErrClosed
		case err != nil && lasting(err):
			return explain("subscription", r.name, err)
		case err != nil:
			r.trouble(err)
		}
		if time.Since(began) > time.Minute {
			pause = firstPause
		}
		if !wait(ctx, pause) {
			return nil
		}
	}
}

// pull runs the client's Receive once, under the watchdog. After ctx ended it
// returns nil or a *StuckError.
func (r *receiver) pull(ctx context.Context) error {
	var group runner.Group
	var err error
	ended := make(chan struct{})
	sub := r.subscriber()
	group.Go(func() {
		defer close(ended)
		err = sub.Receive(ctx, func(_ context.Context, m *pubsub.Message) { r.take(ctx, m) })
	})
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-ended:
			group.Wait() // brings a panic to our caller
			return err
		case now := <-look.C:
			r.settle(now)
		case <-ctx.Done():
			return r.awaitEnd(&group, ended)
		}
	}
}

func (r *receiver) awaitEnd(group *runner.Group, ended <-chan struct{}) error {
	limit := r.lim.DrainTimeout + r.src.cfg.StopGrace
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case <-ended:
		group.Wait()
		return nil
	case <-late.C:
		return &StuckError{Subscription: r.name, Waited: limit}
	}
}

func (r *receiver) subscriber() *pubsub.Subscriber {
	sub := r.src.client.api.Subscriber(r.name)
	sub.ReceiveSettings = pubsub.ReceiveSettings{
		MaxExtension:               forever,
		MaxDurationPerAckExtension: r.src.cfg.Lease,
		MinDurationPerAckExtension: r.src.cfg.Lease, // else exactly-once makes it 60 s
		MaxOutstandingMessages:     r.lim.MaxOutstanding,
		MaxOutstandingBytes:        int(r.lim.MaxOutstandingBytes),
		NumGoroutines:              r.src.cfg.Streams,
		// A timeout of 0 would mean: do not wait, whatever the behaviour.
		ShutdownOptions: &pubsub.ShutdownOptions{
			Timeout:  max(r.lim.DrainTimeout, time.Millisecond),
			Behavior: pubsub.ShutdownBehaviorWaitForProcessing,
		},
	}
	return sub
}

// take hands one message over, on the client's own goroutine for it.
func (r *receiver) take(ctx context.Context, m *pubsub.Message) {
	d := newDelivery(m, r.src.cfg.ExactlyOnce)
	if ctx.Err() != nil || !r.held.add(d) {
		m.Nack() // it waited in the client until after the end
		return
	}
	r.deliver(&d.Delivery)
}

// finish hands back what nobody settled and waits until all that was settled
// has reached the broker.
func (r *receiver) finish(ctx context.Context) {
	acks, nacks := r.held.giveUp()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	r.wire.await(ctx, acks, nacks)
}

// wait reports whether d passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
