package quarantine

import "slices"

// State is where an entry stands. The same four states stand in the schemas of
// both stores and in docs/states.md; a test compares them.
type State string

// The states.
const (
	// StateHeld: waits for a person.
	StateHeld State = "held"
	// StateReplaying: asked to run again; claimed by at most one worker.
	StateReplaying State = "replaying"
	// StateReplayed: ran again and succeeded; kept until retention ends.
	StateReplayed State = "replayed"
	// StateDiscarded: will never run, with a reason; can be restored.
	StateDiscarded State = "discarded"
)

// States returns all states, in order.
func States() []State {
	return []State{StateHeld, StateReplaying, StateReplayed, StateDiscarded}
}

// transitions is the state machine: from each state, where an entry may go.
var transitions = map[State][]State{
	StateHeld:      {StateReplaying, StateDiscarded},
	StateReplaying: {StateReplayed, StateHeld},
	StateReplayed:  {},
	StateDiscarded: {StateHeld},
}

// CanBecome reports whether an entry in state s may go to state to.
func (s State) CanBecome(to State) bool { return slices.Contains(transitions[s], to) }
