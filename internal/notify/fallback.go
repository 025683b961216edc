package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

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
	// Tried says that an alert may be open there: a trigger is on its way, or nobody knows what became of
	// it. Triggered that one is open, Acknowledged that it was acknowledged.
	Tried        bool `json:"tried,omitempty"`
	Triggered    bool `json:"triggered,omitempty"`
	Acknowledged bool `json:"acknowledged,omitempty"`
	// Episode counts the alerts that were opened there, from 1.
	Episode int64 `json:"episode,omitempty"`
	// Changes is the counter of the facts that were told last.
	Changes int64 `json:"changes,omitempty"`
}

// Next returns what is to be sent now, and whether anything is. It is a pure function:
//
//	the sender has       the facts                             Next
//	anything             older than what it knows              nothing: a late reader must not undo
//	no alert             over, or taken                        nothing: nobody needs to be woken
//	no alert             always told, or waited for After      trigger
//	perhaps an alert     the same                              trigger, which is the same alert again
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
func (m Memory) maybeOpen() bool { return m.Tried || m.Triggered }

// due reports whether people must be told by a fallback.
func (p Policy) due(f Facts) bool {
	after := p.WithDefaults().After
	return p.AlwaysCritical && f.Critical ||
		p.AlwaysCrashLoop && f.CrashLoop ||
		p.AlwaysBadDeploy && f.BadDeploy ||
		after >= 0 && f.Waiting >= after
}

// Before returns the memory with which action, which Next returned, is about to be sent. It is stored before
// the sending where it is another one, which only a first trigger makes: should the process die, or the
// answer be lost, and the problem then be over, the alert that may be open is resolved all the same.
func (m Memory) Before(action Action) Memory {
	if action == Trigger {
		m.Episode, m.Tried = m.EpisodeOf(Trigger), true
	}
	return m
}

// After returns the memory once action, which Next returned for f, was taken by the sender. It is stored
// before anything else is sent.
func (m Memory) After(action Action, f Facts) Memory {
	switch action {
	case Trigger:
		m.Episode = m.EpisodeOf(Trigger)
		m.Tried, m.Triggered, m.Acknowledged = false, true, false
	case Acknowledge:
		m.Acknowledged = true
	case Resolve:
		m.Tried, m.Triggered, m.Acknowledged = false, false, false
	}
	m.Changes = max(m.Changes, f.Changes)
	return m
}

// EpisodeOf returns the episode of an alert with this action: a trigger where nothing is open begins the
// next one. It is the same before and after Before.
func (m Memory) EpisodeOf(action Action) int64 {
	if action == Trigger && !m.maybeOpen() {
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

// ParseMemory reads what [json.Marshal] made of a Memory. No bytes at all are the zero Memory. Fields that
// it does not know are ignored, so that an older program can read what a newer one wrote.
func ParseMemory(data []byte) (Memory, error) {
	if len(data) == 0 {
		return Memory{}, nil
	}
	var m Memory
	if err := json.Unmarshal(data, &m); err != nil {
		return Memory{}, fmt.Errorf("memory of a sender: %w", err)
	}
	if m.Episode < 0 || m.Changes < 0 {
		return Memory{}, errors.New("memory of a sender: a count is below zero")
	}
	return m, nil
}
