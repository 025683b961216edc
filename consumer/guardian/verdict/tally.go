package verdict

// DefaultLimit is how many counted deaths convict.
const DefaultLimit = 2

// Run is how one run of a message ended, as far as its count is concerned.
type Run uint8

// The runs.
const (
	// RunExcused: the guardian or the platform caused the death, or there was
	// none and no success either: a shutdown, a lost lease, memory taken by
	// others, the ward's time limit.
	RunExcused Run = iota
	// RunNamed: a production worker died and named it as its culprit.
	RunNamed
	// RunAlone: it died alone in a ward process that had run others before.
	RunAlone
	// RunAloneFresh: it died alone in a ward process that had run nothing before.
	RunAloneFresh
	// RunSucceeded: its handler finished and no process died.
	RunSucceeded
)

// Tally is the count of one message. The zero value is a message that was never
// charged with anything.
type Tally struct {
	// Named and Alone are its deaths in production and in the ward since its last
	// success.
	Named int `json:"named"`
	Alone int `json:"alone"`
	// Excused are deaths that were not counted; they are shown only.
	Excused int `json:"excused"`
	// Fresh: its last counted death was in a fresh ward process.
	Fresh bool `json:"fresh"`
	// Cleared: its last run that says anything was a success.
	Cleared bool `json:"cleared"`
}

// After returns the tally after one more run.
func (t Tally) After(r Run) Tally {
	switch r {
	case RunNamed:
		t.Named++
	case RunAlone, RunAloneFresh:
		t.Alone++
	case RunSucceeded:
		return Tally{Cleared: true}
	default:
		t.Excused++
		return t
	}
	t.Fresh = r == RunAloneFresh
	t.Cleared = false
	return t
}

// Deaths returns how many deaths are counted.
func (t Tally) Deaths() int { return t.Named + t.Alone }

// Step is what happens to a message next.
type Step string

// The steps.
const (
	// StepWard: run it alone in a ward; one that only saw survivors will do.
	StepWard Step = "run in a ward"
	// StepFreshWard: run it alone in a ward process that ran nothing before,
	// since dying there may convict it.
	StepFreshWard Step = "run in a fresh ward"
	// StepConvicted: it killed as often as it may; quarantine it.
	StepConvicted Step = "convicted"
	// StepCleared: it is innocent; it is done.
	StepCleared Step = "cleared"
)

// Next returns what happens next to a message that is suspect. limit is how
// many deaths convict; below 1 it is [DefaultLimit].
func (t Tally) Next(limit int) Step {
	if limit < 1 {
		limit = DefaultLimit
	}
	switch {
	case t.Cleared:
		return StepCleared
	case t.Deaths() >= limit && t.Fresh:
		return StepConvicted
	case t.Deaths() >= limit-1:
		return StepFreshWard
	default:
		return StepWard
	}
}
