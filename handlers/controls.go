package handlers

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
}
