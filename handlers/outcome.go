package handlers

import "fmt"

// Outcome is how one attempt ended. There are eight and every attempt has
// exactly one.
type Outcome uint8

// The outcomes.
const (
	// OutcomeOK: the handler returned nil.
	OutcomeOK Outcome = iota
	// OutcomeDeferred: the handler answered [Again]; not a failure.
	OutcomeDeferred
	// OutcomeFailed: the handler returned an error.
	OutcomeFailed
	// OutcomePanicked: the handler panicked in its own goroutine.
	OutcomePanicked
	// OutcomeExited: the handler left by runtime.Goexit.
	OutcomeExited
	// OutcomeTimedOut: the handler passed its deadline. With a stack it passed its
	// grace too and was abandoned there; without one it returned, too late.
	OutcomeTimedOut
	// OutcomeCrashed: the process died and this message was proven guilty.
	OutcomeCrashed
	// OutcomeInterrupted: a shutdown or a lost lease ended the attempt; charged
	// to nobody.
	OutcomeInterrupted

	outcomes // how many there are
)

var outcomeNames = [outcomes]string{
	"ok", "deferred", "failed", "panicked", "exited", "timed out", "crashed", "interrupted",
}

// Outcomes returns all outcomes, in order.
func Outcomes() []Outcome {
	all := make([]Outcome, outcomes)
	for i := range all {
		all[i] = Outcome(i)
	}
	return all
}

// String returns the outcome in lower case, as it is stored and shown.
func (o Outcome) String() string {
	if o < outcomes {
		return outcomeNames[o]
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// ParseOutcome is the inverse of [Outcome.String].
func ParseOutcome(s string) (Outcome, error) {
	for i, name := range outcomeNames {
		if name == s {
			return Outcome(i), nil
		}
	}
	return 0, fmt.Errorf("unknown outcome %q", s)
}

// IsFailure reports whether o raises a message's failure count. Crashes are
// counted apart.
func (o Outcome) IsFailure() bool {
	switch o {
	case OutcomeFailed, OutcomePanicked, OutcomeExited, OutcomeTimedOut:
		return true
	default:
		return false
	}
}
