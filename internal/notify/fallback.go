package notify

import "time"

// Policy says when people are told by a fallback. The zero value tells what has waited for 60 s.
type Policy struct {
	// After is how long a notice may wait untold before the fallback is used. Default 60 s; negative means
	// never, which leaves what is always told.
	After time.Duration
	// AlwaysCritical tells of problems of critical subscriptions at once, AlwaysCrashLoop of those that kill
	// process after process, AlwaysBadDeploy of those that a whole build has.
	AlwaysCritical, AlwaysCrashLoop, AlwaysBadDeploy bool
}

// WithDefaults returns a copy in which zero fields have their defaults.
func (p Policy) WithDefaults() Policy {
	if p.After == 0 {
		p.After = time.Minute
	}
	return p
}

// Facts are what is true of one problem now, by the store.
type Facts struct {
	// Key is the problem's, as in [Alert.Key].
	Key string
	// Waiting is how long its oldest untold change has waited, 0 if all was told.
	Waiting time.Duration
	// Critical, CrashLoop and BadDeploy say what sort of problem it is.
	Critical, CrashLoop, BadDeploy bool
	// Open says that it is not over: something is held, or being tried. Taken that somebody looks after it,
	// or has quieted it.
	Open, Taken bool
	// Changes is the store's counter of its changes, which only rises. 0 if there is none.
	Changes int64
}

// Memory is what one sender was told of one problem. It is stored with the problem's notice, one for each
// sender, and belongs to one key. The zero value: nothing.
type Memory struct {
	// Triggered says that an alert is open there, Acknowledged that it was acknowledged.
	Triggered    bool `json:"triggered,omitempty"`
	Acknowledged bool `json:"acknowledged,omitempty"`
	// Trying is Trigger or Resolve where that was tried last and may have arrived; so an alert may be open.
	Trying Action `json:"trying,omitempty"`
	// Episode counts the alerts that were opened there, or may have been, from 1.
	Episode int64 `json:"episode,omitempty"`
	// Changes is the counter of the facts that were told last.
	Changes int64 `json:"changes,omitempty"`
}

// Next returns what is to be sent now, and whether anything is. It is a pure function:
//
//	the sender has       the facts                             Next
//	anything             older than what it was told           nothing: a late reader must not undo
//	no alert             over, or taken                        nothing: nobody needs to be woken
//	no alert             always told, or waited for After      trigger
//	perhaps an alert     the same                              trigger
//	perhaps or surely    over                                  resolve
//	perhaps or surely    taken, not yet acknowledged           acknowledge
//	an alert             anything else                         nothing: once an episode
//
// An alert that was acknowledged stays so when its problem is given back: PagerDuty cannot take that
// back. It is over when Open is false; if the problem comes again, that is the next episode.
func (p Policy) Next(f Facts, m Memory) (Action, bool) {
	switch {
	case f.Changes < m.Changes:
		return "", false
	case m.maybeOpen() && !f.Open:
		return Resolve, true
	case m.maybeOpen() && f.Taken && !m.Acknowledged:
		return Acknowledge, true
	case !m.Triggered && f.Open && !f.Taken && p.due(f):
		return Trigger, true
	default:
		return "", false
	}
}

// maybeOpen reports whether the sender may have an open alert.
func (m Memory) maybeOpen() bool { return m.Triggered || m.Trying != "" }

// due reports whether people must be told by a fallback.
func (p Policy) due(f Facts) bool {
	after := p.WithDefaults().After
	return p.AlwaysCritical && f.Critical ||
		p.AlwaysCrashLoop && f.CrashLoop ||
		p.AlwaysBadDeploy && f.BadDeploy ||
		after >= 0 && f.Waiting >= after
}

// Before returns the memory with which action, which Next returned for f, is about to be sent. It is stored
// before the sending, for should the process die or the answer be lost, nobody knows whether it arrived. An
// alert that may be open is then resolved when its problem is over, and one that may be resolved is triggered
// when its problem comes again.
func (m Memory) Before(action Action, f Facts) Memory {
	m.Episode = m.EpisodeOf(action)
	switch action {
	case Trigger:
		m.Acknowledged = m.Acknowledged && m.Trying == Trigger
		m.Trying = Trigger
	case Resolve:
		m.Triggered, m.Trying = false, Resolve
	}
	m.Changes = max(m.Changes, f.Changes)
	return m
}

// After returns the memory once action, which Next returned for f, was taken by the sender. It is stored
// before anything else is sent.
func (m Memory) After(action Action, f Facts) Memory {
	m = m.Before(action, f)
	switch action {
	case Trigger:
		m.Triggered, m.Acknowledged, m.Trying = true, false, ""
	case Acknowledge:
		m.Acknowledged = true
	case Resolve:
		m.Acknowledged, m.Trying = false, ""
	}
	return m
}

// EpisodeOf returns the episode of an alert with this action: a trigger begins the next one, unless it is
// tried again. It is the same before and after Before.
func (m Memory) EpisodeOf(action Action) int64 {
	if action == Trigger && m.Trying != Trigger {
		return m.Episode + 1
	}
	return m.Episode
}

// Draft returns the alert for action as far as the facts tell it: key, episode and severity, which is
// critical for the problems that a policy can ask to be always told, and else error. The caller adds words.
func (f Facts) Draft(action Action, m Memory) Alert {
	a := Alert{Key: f.Key, Action: action, Episode: m.EpisodeOf(action), Severity: SeverityError}
	if f.Critical || f.CrashLoop || f.BadDeploy {
		a.Severity = SeverityCritical
	}
	return a
}
