package handlers

import "time"

// ShedLevel says how much of a service people hold back so that the rest of it has
// room.
type ShedLevel string

// The levels.
const (
	// ShedNothing: every subscription flows. The same as an empty level.
	ShedNothing ShedLevel = "normal"
	// ShedNonCritical: non-critical subscriptions do what each declares: pause, drop,
	// or go on.
	ShedNonCritical ShedLevel = "non-critical"
	// ShedAllButCritical: the same, and those that declare to go on pause, too. Only
	// critical ones are left.
	ShedAllButCritical ShedLevel = "critical-only"
)

// ShedLevels returns all levels, from nothing to most.
func ShedLevels() []ShedLevel {
	return []ShedLevel{ShedNothing, ShedNonCritical, ShedAllButCritical}
}

// Controls is what people ordered of one subscription.
type Controls struct {
	// Version is that of the orders, rising with each.
	Version int64
	// Paused: the subscription stops pulling.
	Paused bool
	// Level is how much of the service is shed. What follows for the subscription is
	// its own declaration.
	Level ShedLevel
}

// Flow is what a subscription does with what its broker has for it.
type Flow string

// The flows.
const (
	// FlowRunning: messages are pulled and run.
	FlowRunning Flow = "running"
	// FlowPaused: nothing is pulled; the backlog waits at the broker.
	FlowPaused Flow = "paused"
	// FlowDropping: messages are pulled and discarded, without being run.
	FlowDropping Flow = "dropping"
)

// Obeyed is what a subscription made of what people ordered.
type Obeyed struct {
	// Flow is what it does from now on.
	Flow Flow
	// NonCritical and CriticalOnly are what it does at these levels while nobody paused
	// it: what it declares.
	NonCritical, CriticalOnly Flow
	// InFlight is how many handlers of it were running in this process, and end by
	// themselves.
	InFlight int
	// Backlog is how many messages its broker held for it, as far as the broker tells;
	// negative means that nobody knows.
	Backlog int64
	// Breaker is its breaker in this process: what it does by itself.
	Breaker Breaker
}

// Breaker is the state of a subscription's breaker in one process. The zero value is
// closed.
type Breaker struct {
	// OpenSince is when it opened, zero while it is closed: since then nothing is
	// quarantined, and one message at a time is tried.
	OpenSince time.Time
	// Kills: different messages killed the process and none succeeded. Else failures
	// spread over many different messages.
	Kills bool
}

// Open reports whether quarantining has stopped.
func (b Breaker) Open() bool { return !b.OpenSince.IsZero() }

// Reason says why it is open, "" while it is closed.
func (b Breaker) Reason() string {
	switch {
	case !b.Open():
		return ""
	case b.Kills:
		return "different messages kill the process and none succeeds, which looks like a bad deploy"
	default:
		return "failures spread over many different messages"
	}
}
