package consumer

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/theriac/theriac/handlers"
)

// Feedback for gobreaker. It hears of failures and of probes only; successes
// are counted by correlation, without a lock.
var (
	errAttemptFailed = errors.New("attempt failed")
	errAttemptVoid   = errors.New("attempt says nothing")
)

// breaker stops quarantining, and all but one attempt at a time, while failures
// are correlated across different messages: an outage or a bad deploy, which is
// no message's fault.
type breaker struct {
	policy BreakerPolicy
	stats  *correlation
	cb     *gobreaker.TwoStepCircuitBreaker[struct{}]
	open   atomic.Bool   // open or half open
	turn   chan struct{} // holds a token while nobody stands at the door
	fresh  atomic.Int64  // waiting messages that did not fail here before
	deaths atomic.Bool   // it is to open, or is open, because everything seems to kill
	opened time.Time     // when it opened last; under gobreaker's lock
	since  atomic.Int64  // the same for everybody, in Unix ns
	// closed is called when it closes after that, on the closing goroutine, with the
	// time at which it had opened.
	closed func(opened time.Time)
	// changes is told when it opens and closes. It must return at once.
	changes func(handlers.Breaker)
	log     *slog.Logger

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when the state changes
}

// probe concludes what enter allowed; it is nil while the breaker is closed.
type probe func(error)

func newBreaker(policy Policy, shards int, log *slog.Logger) *breaker {
	p := policy.Breaker
	b := &breaker{
		policy:  p,
		stats:   newCorrelation(policy, shards),
		turn:    make(chan struct{}, 1),
		changed: make(chan struct{}),
		changes: func(handlers.Breaker) {},
		log:     log,
	}
	b.turn <- struct{}{}
	b.cb = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests: 1,
		Timeout:     p.OpenFor,
		ReadyToTrip: func(gobreaker.Counts) bool {
			return !p.Off && (b.deaths.Load() || b.stats.correlated(time.Now()))
		},
		OnStateChange: b.onStateChange,
		IsExcluded:    func(err error) bool { return errors.Is(err, errAttemptVoid) },
	})
	return b
}

// onStateChange runs under gobreaker's lock and must not call it.
func (b *breaker) onStateChange(_ string, _, to gobreaker.State) {
	if to == gobreaker.StateOpen && !b.open.Load() {
		b.since.Store(time.Now().UnixNano())
	}
	if was := b.open.Swap(to != gobreaker.StateClosed); was != (to != gobreaker.StateClosed) {
		if was {
			b.stats.reset()
			b.log.Info("breaker closed: quarantining resumes")
			if b.deaths.Swap(false) && b.closed != nil {
				b.closed(b.opened)
			}
		} else if b.opened = time.Now(); b.deaths.Load() {
			b.log.Warn("breaker open: different messages kill the process and none succeeds, which looks like a bad deploy; nothing is quarantined, one probe at a time, alone",
				"probe_every", b.policy.OpenFor)
		} else {
			b.log.Warn("breaker open: failures spread over many different messages; nothing is quarantined, one probe at a time",
				"probe_every", b.policy.OpenFor)
		}
		b.changes(b.told())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.changed)
	b.changed = make(chan struct{})
}

// told is its state as people see it.
func (b *breaker) told() handlers.Breaker {
	s := b.state()
	return handlers.Breaker{OpenSince: s.Since, Kills: s.Kills}
}

// isOpen reports whether quarantining has stopped.
func (b *breaker) isOpen() bool { return b.open.Load() }

// enter lets an attempt through: at once while the breaker is closed, else as
// the one probe, whenever its turn comes. A message that failed here before
// (repeat) lets all others go first: poison that is retried says nothing about
// whether the trouble has passed. It returns false when stop is closed first.
func (b *breaker) enter(stop <-chan struct{}, repeat bool) (probe, bool) {
	if !b.open.Load() {
		return nil, true
	}
	if !repeat {
		b.fresh.Add(1)
		defer b.fresh.Add(-1)
	}
	for b.open.Load() {
		b.mu.Lock()
		changed := b.changed
		b.mu.Unlock()
		// One stands at the door, the others behind it.
		select {
		case <-b.turn:
		case <-changed:
			continue
		case <-stop:
			return nil, false
		}
		p, ok := b.standAtDoor(changed, stop, repeat)
		b.turn <- struct{}{}
		if !ok || p != nil {
			return p, ok
		}
	}
	return nil, true
}

// standAtDoor asks to be the probe, and waits a while if it may not. It returns
// false when stop is closed.
func (b *breaker) standAtDoor(changed, stop <-chan struct{}, repeat bool) (probe, bool) {
	if repeat && b.fresh.Load() > 0 {
		return nil, b.wait(changed, stop, time.Millisecond)
	}
	done, err := b.cb.Allow()
	if err != nil {
		// gobreaker half-opens strictly after its timeout, and only when asked.
		return nil, b.wait(changed, stop, min(b.policy.OpenFor/4+time.Millisecond, time.Second))
	}
	if !b.open.Load() { // closed since the look, so this would be no probe
		done(errAttemptVoid)
		return nil, true
	}
	return done, true
}

// wait returns when the state changed or the time is up, false when stop is
// closed.
func (b *breaker) wait(changed, stop <-chan struct{}, atMost time.Duration) bool {
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-stop:
		return false
	}
	return true
}

// tryProbe takes the place of the probe if it is free now; replays use it,
// since they never wait at the door.
func (b *breaker) tryProbe() probe {
	if !b.open.Load() {
		return nil
	}
	done, err := b.cb.Allow()
	if err != nil {
		return nil
	}
	return done
}

// hear takes note of how an attempt ended.
func (b *breaker) hear(p probe, slot int, id string, o handlers.Outcome) {
	if o == handlers.OutcomeOK {
		b.stats.success(slot)
	}
	switch {
	case p != nil:
		p(feedback(o))
	case o == handlers.OutcomeCrashed:
		b.crashed(id, time.Now())
	case o.IsFailure() && !b.policy.Off && !b.open.Load():
		b.stats.failure(time.Now(), id)
		if done, err := b.cb.Allow(); err == nil {
			done(errAttemptFailed)
		}
	}
}

// crashed takes note of a death that is charged to a message, and opens the
// breaker when there were enough of different ones with no success between.
func (b *breaker) crashed(id string, at time.Time) {
	if b.policy.Off || !b.stats.crash(at, id) || b.deaths.Swap(true) {
		return
	}
	if done, err := b.cb.Allow(); err == nil {
		done(errAttemptFailed)
	}
}

func feedback(o handlers.Outcome) error {
	switch {
	case o == handlers.OutcomeOK:
		return nil
	case o.IsFailure(), o == handlers.OutcomeCrashed:
		return errAttemptFailed
	default:
		return errAttemptVoid
	}
}
