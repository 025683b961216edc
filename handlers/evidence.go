package handlers

// Reason is why a message is held.
type Reason string

// The reasons.
const (
	// ReasonFailed: it failed as often as the policy allows.
	ReasonFailed Reason = "failed"
	// ReasonCrashed: it killed its process as often as the policy allows.
	ReasonCrashed Reason = "crashed"
	// ReasonHung: its last failure passed the deadline.
	ReasonHung Reason = "hung"
	// ReasonPermanent: the handler said that retrying cannot mend it.
	ReasonPermanent Reason = "permanent"
	// ReasonUndecodable: its payload could not be decoded.
	ReasonUndecodable Reason = "undecodable"
	// ReasonParked: it waits behind a held message of its ordering key.
	ReasonParked Reason = "parked"
	// ReasonManual: a person held it.
	ReasonManual Reason = "manual"
	// ReasonRule: a rule held it.
	ReasonRule Reason = "rule"
)

// Reasons returns all reasons, in a fixed order.
func Reasons() []Reason {
	return []Reason{
		ReasonFailed, ReasonCrashed, ReasonHung, ReasonPermanent,
		ReasonUndecodable, ReasonParked, ReasonManual, ReasonRule,
	}
}

// Confidence is how sure the verdict is.
type Confidence string

// The confidences.
const (
	// ConfidenceCertain: the message's own handler run ended badly in plain sight.
	ConfidenceCertain Confidence = "certain"
	// ConfidenceProvenAlone: it died alone in the ward.
	ConfidenceProvenAlone Confidence = "proven alone"
	// ConfidenceSuspected: it was in flight at a death; held by a person.
	ConfidenceSuspected Confidence = "suspected"
)

// Evidence is why a message goes to quarantine.
type Evidence struct {
	// Reason and Confidence are the verdict.
	Reason     Reason
	Confidence Confidence
	// Attempt is the attempt that decided it.
	Attempt Attempt
	// Totals are the counts that decided it.
	Totals Totals
	// Hint is one line for the operator, or "".
	Hint string
}
