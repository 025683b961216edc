package natsjs

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
)

const (
	heartbeat = 2 * time.Second
	// requestExpiry is how long the broker keeps a pull request open.
	requestExpiry = 30 * time.Second
	// patience is how often in a row a consumer that was there must be missing
	// before that is believed: a cluster may say so while it elects.
	patience = 3
	// flushTimeout bounds each of the two round trips that an orderly end takes.
	flushTimeout = 2 * time.Second
)

// The statuses of the pull protocol that mean something to us.
const (
	statusHeartbeat = "100"
	statusNoneLeft  = "404"
	statusExpired   = "408"
	statusConflict  = "409"
	// Conflicts that have the same code are told apart by these.
	descTooLarge  = "Message Size Exceeds MaxBytes"
	descCompleted = "Batch Completed"
)

// receiver is one call of Receive. Its fields belong to the goroutine of run.
type receiver struct {
	src     *Source
	conn    *nats.Conn
	deliver func(*consumer.Delivery)
	lim     consumer.Limits
	held    *held
	calls   runner.Group

	target target
	msgs   chan *nats.Msg
	lanes  [lanes]lane

	requests  int64    // made so far
	appetite  appetite // see plan
	refused   int64    // see situation
	heard     bool     // since the last look of the watchdog
	inTrouble bool
}

func newReceiver(s *Source, lim consumer.Limits, deliver func(*consumer.Delivery)) *receiver {
	return &receiver{src: s, conn: s.conn, deliver: deliver, lim: lim, held: newHeld(lim)}
}

// run receives until ctx ends or something will not mend.
func (r *receiver) run(ctx context.Context, t target) error {
	r.target = t
	// Never more than are asked for, and some statuses: the client drops what
	// finds no place.
	r.msgs = make(chan *nats.Msg, r.held.limit.count+256)
	for i := range r.lanes {
		l := &r.lanes[i]
		l.inbox = r.conn.NewInbox() + "."
		var err error
		if l.sub, err = r.conn.ChanSubscribe(l.inbox+"*", r.msgs); err != nil {
			return closedOr(err)
		}
	}
	beats, stopBeats := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBeats()
	var keeper runner.Group
	keeper.Go(func() { r.held.keepAlive(beats, t.lease) })

	err := r.serve(ctx)

	r.finish(ctx)
	stopBeats()
	keeper.Wait()
	return err
}

// serve pulls and mends until ctx ends; then it returns nil.
func (r *receiver) serve(ctx context.Context) error {
	pause, missing := firstPause, 0
	for {
		r.heard = false
		err := r.pull(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if lasting(err) {
			return err
		}
		if r.heard {
			pause = firstPause
		}
		r.trouble(err)
		if !pass(ctx, pause) {
			return nil
		}
		pause = min(2*pause, longPause)
		t, err := r.src.lookUp(ctx)
		switch {
		case err == nil:
			// The keep-alive goes on with the lease of the start, which only
			// a change of the consumer's configuration alters.
			r.target, missing = t, 0
		case ctx.Err() != nil:
			return nil
		case lasting(err):
			if missing++; missing >= patience || errors.Is(err, ErrClosed) {
				return err
			}
			r.trouble(err)
		default:
			r.trouble(err)
		}
	}
}

// pull keeps a request open and hands over what comes, until ctx ends or the
// broker refuses.
func (r *receiver) pull(ctx context.Context) error {
	status := r.conn.StatusChanged(nats.CONNECTED, nats.RECONNECTING, nats.CLOSED)
	defer r.conn.RemoveStatusListener(status)
	if r.conn.IsClosed() {
		return ErrClosed
	}
	r.forget()
	watchdog := time.NewTicker(2 * heartbeat)
	defer watchdog.Stop()
	for {
		if err := r.ask(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case m := <-r.msgs:
			if err := r.takeAll(m); err != nil {
				return err
			}
		case <-r.held.freed:
		case s := <-status:
			if err := r.statusChanged(s); err != nil {
				return err
			}
		case <-watchdog.C:
			if !r.heard && r.promised().count > 0 && r.conn.IsConnected() {
				return r.src.explainSilence()
			}
			r.heard = false
		}
	}
}

// statusChanged sees to it that a request that died with its connection is
// made anew on the next one.
func (r *receiver) statusChanged(s nats.Status) error {
	switch s {
	case nats.CLOSED:
		return ErrClosed
	case nats.RECONNECTING:
		r.trouble(errAway)
	case nats.CONNECTED:
		r.forget()
	}
	return nil
}

// takeAll takes m and what else has come by now.
func (r *receiver) takeAll(m *nats.Msg) error {
	r.heard = true
	now := time.Now()
	const atOnce = 256 // then look at the other channels again
	for more := min(len(r.msgs), atOnce); ; more-- {
		if err := r.take(m, now); err != nil || more == 0 {
			return err
		}
		m = <-r.msgs
	}
}

func (r *receiver) take(m *nats.Msg, now time.Time) error {
	if m.Reply == "" {
		return r.report(m)
	}
	meta, ok := parseAck(m.Reply)
	if !ok {
		r.trouble(errNotAnAck)
		return nil
	}
	r.mended()
	r.appetite = share
	l := r.newLease(m, meta)
	if from := r.laneOf(m); from != nil {
		from.brought(l.size)
	}
	if !r.held.add(l, now) {
		// It came late, for a request that was given up and replaced.
		return closedOr(r.conn.Publish(m.Reply, ackAgain))
	}
	r.calls.Go(l.run)
	return nil
}

func (r *receiver) newLease(m *nats.Msg, meta ackMeta) *lease {
	u := unpack(m.Header, m.Data)
	l := &lease{
		deliver: r.deliver,
		conn:    r.conn,
		reply:   m.Reply,
		confirm: r.src.cfg.ConfirmAcks,
		size:    int64(len(m.Data)),
		held:    r.held,
	}
	l.delivery = consumer.Delivery{
		Message: handlers.Message{
			ID:              messageID(r.target.created, meta.sequence),
			Data:            u.data,
			Attributes:      u.attrs,
			OrderingKey:     u.key,
			PublishedAt:     meta.stored,
			DeliveryAttempt: meta.delivered,
		},
		Settler: l,
	}
	return l
}

// report takes what the broker says about a request.
func (r *receiver) report(m *nats.Msg) error {
	code := m.Header.Get("Status")
	if code == statusHeartbeat {
		r.mended()
		return nil
	}
	l := r.laneOf(m)
	if l == nil || m.Subject != l.subject {
		return nil // about an earlier request
	}
	l.left = usage{}
	switch desc := m.Header.Get("Description"); {
	case code == statusExpired, code == statusNoneLeft:
		r.mended()
		return nil
	case code == statusConflict && desc == descTooLarge:
		r.refuse(l.made)
		return nil
	case code == statusConflict && desc == descCompleted:
		return nil
	default:
		return &StatusError{Code: code, Description: desc}
	}
}

func (r *receiver) trouble(err error) {
	r.inTrouble = true
	if r.lim.Trouble != nil {
		r.lim.Trouble(err)
	}
}

func (r *receiver) mended() {
	if r.inTrouble && r.lim.Trouble != nil {
		r.lim.Trouble(nil)
	}
	r.inTrouble = false
}

// finish stops pulling, hands back what was not delivered, and waits for the
// deliver calls, at most lim.DrainTimeout in all.
func (r *receiver) finish(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	drain, cancel := context.WithTimeout(ctx, max(r.lim.DrainTimeout, time.Millisecond))
	defer cancel()
	r.handBack(drain)

	var waiter runner.Group
	done := make(chan struct{})
	waiter.Go(func() {
		defer close(done)
		r.calls.Wait()
	})
	select {
	case <-done:
		waiter.Wait() // brings a panic of a deliver call to our caller
	case <-drain.Done():
	}
	// What was settled last is still in the client's buffer.
	last, cancelLast := context.WithTimeout(ctx, flushTimeout)
	defer cancelLast()
	r.flush(last)
}

// handBack ends the subscription and returns to the broker what it had sent.
func (r *receiver) handBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if r.conn.IsConnected() {
		for i := range r.lanes {
			_ = r.lanes[i].sub.Drain() // fails when the connection is lost
		}
		// The broker answers the flush after all that it sent before it saw the
		// end of the subscriptions.
		r.flush(ctx)
	}
	for i := range r.lanes {
		// Drain has removed it by now, or the connection is away.
		_ = r.lanes[i].sub.Unsubscribe()
	}
	for {
		select {
		case m := <-r.msgs:
			if _, ok := parseAck(m.Reply); ok {
				// An error means that the lease will do it.
				_ = r.conn.Publish(m.Reply, ackAgain)
			}
		default:
			return
		}
	}
}

// flush brings what is buffered to the broker. When that fails, acks are lost
// and their messages are redelivered.
func (r *receiver) flush(ctx context.Context) {
	if r.conn.IsConnected() {
		_ = r.conn.FlushWithContext(ctx)
	}
}
