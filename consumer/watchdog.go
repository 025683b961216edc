package consumer

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/theriac/theriac/handlers"
)

// watchdog keeps the deadlines of all running attempts with one timer, set to
// the earliest. All attempts of a subscription have the same time, so one that
// begins is never due before those that run: only the first after a pause must
// wake the watchdog.
type watchdog struct {
	consumer *Consumer
	idle     atomic.Bool
	wake     chan struct{}
	// halt, in nanoseconds of the wall clock, is when the drain ends all attempts;
	// 0 while none is planned.
	halt atomic.Int64
}

func newWatchdog(c *Consumer) *watchdog {
	return &watchdog{consumer: c, wake: make(chan struct{}, 1)}
}

// kick is called after an attempt was put in its place.
func (w *watchdog) kick() {
	if w.idle.Load() && w.idle.CompareAndSwap(true, false) {
		w.nudge()
	}
}

func (w *watchdog) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// haltAt ends the contexts of all attempts at t, and gives up those that still
// run after the grace.
func (w *watchdog) haltAt(t time.Time) {
	w.halt.Store(t.UnixNano())
	w.nudge()
}

// run looks after the attempts until ctx ends.
func (w *watchdog) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next := w.sweep(time.Now())
		if next.IsZero() {
			timer.Stop()
			w.idle.Store(true)
			// An attempt may have begun between the sweep and the flag.
			next = w.sweep(time.Now())
		}
		if !next.IsZero() {
			w.idle.Store(false)
			timer.Reset(time.Until(next))
		}
		select {
		case <-timer.C:
		case <-w.wake:
		case <-ctx.Done():
			return
		}
	}
}

// sweep acts on every attempt that is due and returns when the next one is, or
// the zero time when none runs.
func (w *watchdog) sweep(now time.Time) (next time.Time) {
	for i := range w.consumer.running {
		a := w.consumer.running[i].attempt.Load()
		if a == nil {
			continue
		}
		if due := w.look(a, now); !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	return next
}

// look acts on one attempt and returns when to look again, or the zero time
// once it was given up.
func (w *watchdog) look(a *attempt, now time.Time) time.Time {
	grace := w.consumer.sub.Policy.Grace
	if halt := w.halt.Load(); halt != 0 {
		end := time.Unix(0, halt)
		if end.Before(a.ctx.deadline) {
			if now.Before(end) {
				return end
			}
			a.ctx.end(endedInterrupted)
			return w.giveUp(a, now, end.Add(grace), handlers.OutcomeInterrupted)
		}
	}
	if now.Before(a.ctx.deadline) {
		return a.ctx.deadline
	}
	a.ctx.end(endedTimeout)
	return w.giveUp(a, now, a.ctx.deadline.Add(grace), handlers.OutcomeTimedOut)
}

func (w *watchdog) giveUp(a *attempt, now, at time.Time, outcome handlers.Outcome) time.Time {
	if now.Before(at) {
		return at
	}
	// The stack is taken before the claim: after it the handler may return and
	// the goroutine may run something else.
	rep := hangReport(a, outcome)
	if a.claim() {
		left := w.consumer.abandoned.Add(1)
		w.consumer.takeOver(a, rep)
		w.consumer.tire(int(left))
	}
	return time.Time{}
}
