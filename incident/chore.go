package incident

// choresOneIn is how many places of a batch one of a chore stands for.
const choresOneIn = 10

// Chore reports whether nobody waits for what a row asks for: reminders, summaries, looks for what is
// missing, and what is to be made of what people say. Relays publish such rows when there is nothing else
// ([Outbox]).
func (in Inbound) Chore() bool {
	switch in.Topic {
	case TopicActivity:
		return true
	case TopicClock:
		return in.Kind == string(JobNudge) || in.Kind == string(JobDigest) || in.Kind == string(JobEffects)
	}
	return false
}

// ChorePlaces returns how many places of a batch chores get if enough of them wait, however much else
// does: one in ten, and one at least unless it is the only place. Those that they do not need are
// everybody's.
func ChorePlaces(limit int) int {
	return max(0, min(max(limit/choresOneIn, 1), limit-1))
}
