package slackkit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// errBudget is the cause of a call that would have to wait longer than its caller can.
var errBudget = errors.New("the wait for Slack's rate limit is longer than the caller's time")

// maxLanes bounds the lanes that are kept; idle ones beyond it are forgotten.
const maxLanes = 1000

// lanes hands out turns, one lane per channel for what is posted there and one per other method.
type lanes struct {
	mu   sync.Mutex
	byID map[string]*lane
}

// lane is a queue: one caller at a time, in the order they came, and not before next.
type lane struct {
	turn chan struct{} // holds the one turn; senders wait in order
	mu   sync.Mutex
	next time.Time
}

func (l *lanes) get(id string) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found, ok := l.byID[id]; ok {
		return found
	}
	if l.byID == nil {
		l.byID = make(map[string]*lane)
	}
	if len(l.byID) >= maxLanes {
		l.forgetLocked(time.Now())
	}
	made := &lane{turn: make(chan struct{}, 1)}
	l.byID[id] = made
	return made
}

// alias lets id share the lane of another name: Slack answers "#ops" with the channel's id.
func (l *lanes) alias(id, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id == name || l.byID[name] == nil || l.byID[id] != nil {
		return
	}
	l.byID[id] = l.byID[name]
}

// forgetLocked drops the lanes whose next turn could begin at once. A caller that still holds one goes
// on; the worst that follows is one call that comes too early, which Slack answers with 429.
func (l *lanes) forgetLocked(now time.Time) {
	for id, found := range l.byID {
		if len(found.turn) == 0 && !found.opens().After(now) {
			delete(l.byID, id)
		}
	}
}

func (l *lane) opens() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next
}

// close keeps everybody out for at least d from now.
func (l *lane) close(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if next := time.Now().Add(d); next.After(l.next) {
		l.next = next
	}
}

// enter waits for the caller's turn and for the lane to open. Who enters must leave. It gives up at once
// if the lane opens later than patience or ctx allow; the error then is a *RetryError.
func (l *lane) enter(ctx context.Context, patience time.Duration) error {
	if err := l.pause(ctx, patience, false); err != nil {
		return err
	}
	full := time.NewTimer(patience)
	defer full.Stop()
	select {
	case l.turn <- struct{}{}:
	case <-full.C:
		return &RetryError{After: patience, Err: errBudget}
	case <-ctx.Done():
		return &RetryError{Err: fmt.Errorf("waiting in line: %w", context.Cause(ctx))}
	}
	if err := l.pause(ctx, patience, true); err != nil {
		l.leave()
		return err
	}
	return nil
}

// enterNow is enter for a caller that never waits.
func (l *lane) enterNow(ctx context.Context, _ time.Duration) error {
	select {
	case l.turn <- struct{}{}:
	default:
		// How long those before it take is not known.
		return &RetryError{After: time.Second, Err: errBudget}
	}
	if err := l.pause(ctx, 0, true); err != nil {
		l.leave()
		return err
	}
	return nil
}

func (l *lane) leave() { <-l.turn }

// pause returns when the lane is open, or at once with an error if that is too far away. Without wait it
// only looks.
func (l *lane) pause(ctx context.Context, patience time.Duration, wait bool) error {
	for {
		left := time.Until(l.opens())
		if left <= 0 {
			return nil
		}
		if deadline, ok := ctx.Deadline(); left > patience || ok && left > time.Until(deadline) {
			return &RetryError{After: left, Err: errBudget}
		}
		if !wait {
			return nil
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return &RetryError{After: left, Err: fmt.Errorf("waiting for Slack's rate limit: %w", context.Cause(ctx))}
		}
	}
}
