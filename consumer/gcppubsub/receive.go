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
	flushTimeout = 8 * time.Second
	// clientTimeout is what the client may take, when it is told to end, to hand
	// back what is unsettled and to wait for callbacks. It takes all of it only
	// where a handler hangs: we have waited for all that is worth waiting for.
	clientTimeout = time.Second
	// forever is how long leases are kept: until the delivery is settled.
	forever = 10 * 365 * 24 * time.Hour
)

// Receive implements [consumer.Source]. Errors: [*MissingError],
// [*RefusedError], [*StuckError], [ErrClosed], or one that wraps [ErrUnfit].
func (s *Source) Receive(ctx context.Context, lim consumer.Limits, deliver func(*consumer.Delivery)) error {
	r := newReceiver(s, lim, deliver)
	stop, err := s.client.listen(r)
	if err != nil {
		return err
	}
	defer stop()
	if err := r.checkPatiently(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	err = r.serve(ctx)
	if ctx.Err() == nil {
		r.await(nil, lim.DrainTimeout, r.held.drained)
		r.held.over.Store(true)
	}
	return err
}

// receiver is one call of Receive.
type receiver struct {
	mood
	wire
	src     *Source
	name    string
	lim     consumer.Limits
	deliver func(*consumer.Delivery)
	held    *held
	order   order
	pulls   pulls
}

func newReceiver(s *Source, lim consumer.Limits, deliver func(*consumer.Delivery)) *receiver {
	moved := make(chan struct{}, 1)
	return &receiver{
		mood: mood{report: lim.Trouble},
		wire: wire{moved: moved},
		src:  s, name: s.name, lim: lim, deliver: deliver,
		held: newHeld(moved),
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
// returns nil or a *StuckError. The client learns of the end only when all is
// settled: it drops what is settled after that.
func (r *receiver) pull(ctx context.Context) error {
	client, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var group runner.Group
	var err error
	ended := make(chan struct{})
	sub := r.subscriber()
	group.Go(func() {
		defer close(ended)
		err = sub.Receive(client, r.taker(ctx))
	})
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-ended:
			group.Wait() // brings a panic to our caller
			return err
		case now := <-look.C:
			r.calmed(now)
		case <-ctx.Done():
			r.drain(ended)
			cancel()
			return r.awaitEnd(&group, ended)
		}
	}
}

// drain stops pulling and waits for the deliver calls and for all that was
// settled to reach the broker. What is unsettled at the end the client hands
// back.
func (r *receiver) drain(ended <-chan struct{}) {
	r.pulls.halt()
	r.await(ended, r.lim.DrainTimeout, r.held.drained)
	r.held.over.Store(true)
	r.await(ended, flushTimeout, r.flushed)
}

// await returns when done is true, after limit, or when the client has ended.
func (r *receiver) await(ended <-chan struct{}, limit time.Duration, done func() bool) {
	late := time.NewTimer(limit)
	defer late.Stop()
	for !done() {
		select {
		case <-r.moved:
		case <-late.C:
			return
		case <-ended:
			return
		}
	}
}

// flushed reports whether the streams have ended, and the client has passed on
// all that came on them and told the broker all that was settled.
func (r *receiver) flushed() bool {
	taken, acks, nacks := r.held.counts()
	return r.pulls.over() && r.wire.said(taken, acks, nacks)
}

func (r *receiver) awaitEnd(group *runner.Group, ended <-chan struct{}) error {
	late := time.NewTimer(clientTimeout + r.src.cfg.StopGrace)
	defer late.Stop()
	select {
	case <-ended:
		group.Wait()
		return nil
	case <-late.C:
		return &StuckError{Subscription: r.name, Waited: clientTimeout + r.src.cfg.StopGrace}
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
			Timeout: clientTimeout,
			// What is unsettled by then; all else was said before.
			Behavior: pubsub.ShutdownBehaviorNackImmediately,
		},
	}
	return sub
}

// taker returns what hands one message over, on the client's own goroutine for
// it, until ctx ends.
func (r *receiver) taker(ctx context.Context) func(context.Context, *pubsub.Message) {
	return func(_ context.Context, m *pubsub.Message) {
		if d := r.accept(ctx, m); d != nil {
			defer r.held.returned(d.shard)
			r.deliver(&d.Delivery)
		}
	}
}

// accept holds a message, or hands it back and returns nil. It is not part of
// the taker so that its frame is gone when the handler runs: the client's
// goroutines begin with a small stack, and to grow it is dear.
func (r *receiver) accept(ctx context.Context, m *pubsub.Message) *delivery {
	if ctx.Err() != nil || r.order.early(m) {
		r.held.refused.Add(1)
		m.Nack()
		return nil
	}
	return newDelivery(r, m)
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
