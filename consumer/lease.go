package consumer

import (
	"context"
	"time"
)

// Lessor is a source that can say how long its broker waits for a process that
// died.
type Lessor interface {
	// Lease returns how long after the death of a process its broker keeps from all
	// others what the dead one had in hand. It may ask the broker, at any time,
	// beside Receive.
	Lease(ctx context.Context) (time.Duration, error)
}

// Mourner is a quarantine that names what a machine was running that died as a
// whole, with its guardian and its disk. quarantine.Service is one.
type Mourner interface {
	// NamesTheDeadWithin returns how long after such a death all other replicas know
	// what must run alone. 0: never, or there is no other machine.
	NamesTheDeadWithin() time.Duration
}

// checkLease warns where the broker delivers again what a dead machine was
// running before anybody can know that it may kill: it would cost one more
// worker.
func (c *Consumer) checkLease(ctx context.Context) {
	lessor, ok := c.source.(Lessor)
	if !ok || c.namedWithin == 0 {
		return
	}
	lease, err := lessor.Lease(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		c.log.Warn("cannot ask how long the broker waits for a process that died", "error", err)
	case lease <= c.namedWithin:
		c.log.Warn("the lease is too short: when a whole machine dies, the broker delivers what it was running before others know that it may kill, and one more worker dies; make the lease longer",
			"lease", lease, "known_after", c.namedWithin)
	}
}
