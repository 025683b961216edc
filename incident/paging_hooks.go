package incident

// startEscalation starts the escalation that a severity asks for; quiet starts none.
func (inc *Incident) startEscalation(act Act, severity string, quiet bool) []Event {
	return nil
}

// endEscalations ends all that page, in the state given.
func (inc *Incident) endEscalations(act Act, state EscalationState, why string) []Event {
	return nil
}
