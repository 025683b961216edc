package incident

import "time"

// EffectState is where an effect stands.
type EffectState string

// The states of effects.
const (
	EffectClaimed EffectState = "claimed" // somebody does it, or died doing it
	EffectWaiting EffectState = "waiting" // it was given back, undone or in doubt
	EffectDone    EffectState = "done"
	EffectFailed  EffectState = "failed" // it never will
)

// Effect is one thing done to the world outside.
type Effect struct {
	Key        string
	IncidentID string
	// EventID is what causes it: what is published again if it does not happen.
	EventID string
	State   EffectState
	Attempt int
	// InDoubt: an earlier attempt may have done it. Probe before repeating.
	InDoubt bool
	// ExternalID is what the other side calls it; Result is a short text for people.
	ExternalID, Result string
	// Claimed and Finished are by the store's clock; LeaseUntil and NotBefore too.
	Claimed, Finished, LeaseUntil, NotBefore time.Time
}

// Claim asks for an effect.
type Claim struct {
	Key        string
	IncidentID string
	// EventID is what causes it: what is published again if it does not happen.
	EventID string
	// Lease is how long its owner may take. Default 30 s.
	Lease time.Duration
}

// ClaimResult is the answer to a claim: exactly one of Mine, Done, Failed, or none of them with Wait.
type ClaimResult struct {
	Effect Effect
	// Mine: do it now, and hand Effect.Attempt to Finish or Release. Where Effect.InDoubt, look first
	// whether it happened.
	Mine bool
	// Done and Failed: skip it.
	Done, Failed bool
	// Wait is how long somebody else's claim, or a delay, lasts still.
	Wait time.Duration
}

// EffectEnd is how an effect ended.
type EffectEnd struct {
	Failed             bool
	ExternalID, Result string
}

// EffectRelease gives a claim back.
type EffectRelease struct {
	InDoubt   bool
	Result    string
	NotBefore time.Duration // from now
}
