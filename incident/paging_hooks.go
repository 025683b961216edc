package incident

// startEscalation starts the escalation that the severity asks for; quiet starts none.
func (inc *Incident) startEscalation(act Act, quiet bool) []Event {
	return nil
}

// endEscalations ends all that page, in the state given.
func (inc *Incident) endEscalations(act Act, state EscalationState, why string) []Event {
	return nil
}
