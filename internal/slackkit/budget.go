package slackkit

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Class says for what a client calls Slack, and so which part of Slack's limits is its own.
type Class int

// Classes. The zero Class is that of a client from New.
const (
	// Unclassed calls are not held back by budgets. What they use up counts.
	Unclassed Class = iota
	// Critical calls have 70 % of what Slack allows, and what the others leave of theirs. They wait for
	// their turn, as long as their context and Config.MaxWait allow.
	Critical
	// NonCritical calls have the other 30 % and nothing else. They never wait: who would have to gets a
	// *RetryError with After at once.
	NonCritical
)

// String names the class.
func (c Class) String() string {
	switch c {
	case Critical:
		return "critical"
	case NonCritical:
		return "non-critical"
	default:
		return "unclassed"
	}
}

// criticalShare is what critical calls have of every limit.
const criticalShare = 0.7

// Share returns a client of the same workspace, connections, order and budgets whose calls are of a
// class. It costs nothing; Close of either closes for both.
func (c *Client) Share(class Class) *Client {
	shared := *c
	shared.class = class
	return &shared
}

// Class returns the class of the client's calls.
func (c *Client) Class() Class { return c.class }

// budgets keeps what each class has left of each method. Its zero value is not ready, see newBudgets.
type budgets struct {
	allowance float64 // of Slack's limits, for this process

	mu      sync.Mutex
	methods map[string]*budget
}

// budget is what is left of one method.
type budget struct{ critical, others bucket }

// bucket gives out calls: some at once, and then one after the other. In no minute it gives out more
// than its limit, since a fifth of it is what it holds and four fifths what flows in.
type bucket struct {
	size, perSecond, level float64
	at                     time.Time
}

func newBudgets(allowance float64) *budgets {
	return &budgets{allowance: allowance, methods: make(map[string]*budget)}
}

func newBucket(perMinute float64, now time.Time) bucket {
	size := max(1, perMinute/5)
	return bucket{size: size, perSecond: perMinute * 4 / 5 / 60, level: size, at: now}
}

// wait returns how long until a call can be taken, 0 if now.
func (b *bucket) wait(now time.Time) time.Duration {
	if now.After(b.at) {
		b.level = min(b.size, b.level+now.Sub(b.at).Seconds()*b.perSecond)
		b.at = now
	}
	const almost = 1e-6 // what is lost by counting in fractions
	if b.level >= 1-almost {
		return 0
	}
	return max(time.Millisecond, time.Duration((1-b.level)/b.perSecond*float64(time.Second)))
}

// use takes a call, and none if none is there.
func (b *bucket) use() { b.level = max(0, b.level-1) }

// try takes a call of a method for a class, or says how long it has to wait.
func (b *budgets) try(method string, class Class, now time.Time) time.Duration {
	limit := float64(limitOf(method)) * b.allowance
	if limit == 0 {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.methods[method]
	if left == nil {
		left = &budget{critical: newBucket(limit*criticalShare, now), others: newBucket(limit*(1-criticalShare), now)}
		b.methods[method] = left
	}
	own, lent := left.critical.wait(now), left.others.wait(now)
	switch {
	case class == NonCritical && lent > 0:
		return lent
	case class == NonCritical:
		left.others.use()
	case own == 0:
		left.critical.use()
	case lent == 0:
		left.others.use()
	case class == Critical:
		return min(own, lent)
	}
	return 0
}

// take waits for a call of a method, at most patience, and gives up at once if that, or ctx, is too
// short. The error then is a *RetryError.
func (b *budgets) take(ctx context.Context, method string, class Class, patience time.Duration) error {
	for {
		left := b.try(method, class, time.Now())
		if left == 0 {
			return nil
		}
		deadline, ok := ctx.Deadline()
		if class == NonCritical || left > patience || ok && left > time.Until(deadline) {
			return &RetryError{After: left, Err: errBudget}
		}
		patience -= left
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return &RetryError{After: left, Err: fmt.Errorf("waiting for Slack's rate limit: %w", context.Cause(ctx))}
		}
	}
}
