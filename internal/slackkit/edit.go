package slackkit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// errEditedLately is the cause of an edit that would have to wait longer than its caller can.
var errEditedLately = errors.New("the message was edited a moment ago")

// edits keeps when messages were edited, and who wants to be next.
type edits struct {
	mu    sync.Mutex
	known map[Place]*edited
}

type edited struct {
	next  time.Time     // when it may be edited again
	newer chan struct{} // closed when somebody else takes the turn of whoever waits
}

// Edit is Update for messages that change often: at most one edit in Config.EditEvery, and while one waits
// a newer one takes its place. Whose edit was replaced gets nil, since the message will say what is newer;
// if that fails, the newer one's caller hears of it. Who cannot wait that long, or never waits, gets a
// *[RetryError] with After at once. The pace is kept per process.
func (c *Client) Edit(ctx context.Context, p Place, m Message) error {
	left, newer := c.edits.turn(p, c.patience(ctx))
	if left > 0 && newer == nil {
		return &RetryError{Method: "chat.update", After: left, Err: errEditedLately}
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-newer:
		return nil
	case <-ctx.Done():
		c.edits.end(p, newer)
		return &RetryError{Method: "chat.update", After: left, Err: fmt.Errorf("waiting to edit: %w", context.Cause(ctx))}
	}
	if !c.edits.begin(p, newer, c.editEvery) {
		return nil
	}
	return c.Update(ctx, p, m)
}

// patience is how long a caller can wait.
func (c *Client) patience(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	switch {
	case c.class == NonCritical:
		return 0
	case ok:
		return min(c.maxWait, time.Until(deadline))
	default:
		return c.maxWait
	}
}

// turn says how long the next edit of a message has to wait, and takes the turn from whoever has it. A
// caller without so much patience leaves the turn where it is, and gets no channel.
func (e *edits) turn(p Place, patience time.Duration) (time.Duration, chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	found := e.known[p]
	if found == nil {
		found = &edited{}
		e.addLocked(p, found)
	}
	left := max(0, time.Until(found.next))
	if left > patience {
		return left, nil
	}
	if found.newer != nil {
		close(found.newer)
	}
	found.newer = make(chan struct{})
	return left, found.newer
}

// begin reports whether the turn is still the one that was taken, and ends it.
func (e *edits) begin(p Place, turn chan struct{}, every time.Duration) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	found := e.known[p]
	if found == nil || found.newer != turn {
		return false
	}
	found.newer, found.next = nil, time.Now().Add(every)
	return true
}

// end gives a turn up.
func (e *edits) end(p Place, turn chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if found := e.known[p]; found != nil && found.newer == turn {
		found.newer = nil
	}
}

// addLocked remembers a message, and forgets those that could be edited now.
func (e *edits) addLocked(p Place, one *edited) {
	if e.known == nil {
		e.known = make(map[Place]*edited)
	}
	if len(e.known) >= maxLanes {
		now := time.Now()
		for place, old := range e.known {
			if old.newer == nil && !old.next.After(now) {
				delete(e.known, place)
			}
		}
	}
	e.known[p] = one
}
