package incident

import (
	"fmt"
	"slices"
)

// Status is where an incident stands. The names are those that incident.io made usual.
type Status string

// The statuses, in the order in which a life passes through them.
const (
	Triage        Status = "triage"        // somebody or something says that all is not well; nobody has judged it yet
	Investigating Status = "investigating" // it is real; the cause is not known
	Fixing        Status = "fixing"        // the cause is known
	Monitoring    Status = "monitoring"    // it is fixed as far as anybody can tell
	Paused        Status = "paused"        // nothing can be done for now, such as until a supplier answers
	Documenting   Status = "documenting"   // it is over; what happened is being written down
	Reviewing     Status = "reviewing"     // it is written down; people talk about it
	Closed        Status = "closed"        // nothing is left to do
	Declined      Status = "declined"      // triage said no
	Merged        Status = "merged"        // it lives on in another incident
	Canceled      Status = "canceled"      // a false alarm that was found late
)

// Statuses returns all of them in their order.
func Statuses() []Status {
	return []Status{
		Triage, Investigating, Fixing, Monitoring, Paused, Documenting, Reviewing, Closed, Declined, Merged, Canceled,
	}
}

// Valid reports whether s is one of them.
func (s Status) Valid() bool { return slices.Contains(Statuses(), s) }

// Stage is the part of a life that people talk about: several statuses together.
type Stage string

// The stages, and the three ends beside the road together as StageOff.
const (
	StageTriage Stage = "triage"
	StageActive Stage = "active"
	StagePaused Stage = "paused"
	StagePost   Stage = "post-incident"
	StageClosed Stage = "closed"
	StageOff    Stage = "off" // declined, merged, canceled
)

// Stages returns all of them in their order.
func Stages() []Stage {
	return []Stage{StageTriage, StageActive, StagePaused, StagePost, StageClosed, StageOff}
}

// Stage returns the stage that a status belongs to, "" for what is no status.
func (s Status) Stage() Stage {
	switch s {
	case Triage:
		return StageTriage
	case Investigating, Fixing, Monitoring:
		return StageActive
	case Paused:
		return StagePaused
	case Documenting, Reviewing:
		return StagePost
	case Closed:
		return StageClosed
	case Declined, Merged, Canceled:
		return StageOff
	default:
		return ""
	}
}

// Open reports that something is, or may be, wrong: Triage, Active or Paused. The open keys of an
// incident are its own while it is.
func (s Status) Open() bool {
	return s == Triage || s == Paused || s.Stage() == StageActive
}

// Live reports that people work on it: Active or Paused.
func (s Status) Live() bool { return s == Paused || s.Stage() == StageActive }

// Final reports that no verb leads out of it.
func (s Status) Final() bool { return s.Stage() == StageOff }

// Mode says what an incident is for.
type Mode string

// The modes.
const (
	// ModeStandard is a real one.
	ModeStandard Mode = "standard"
	// ModeTest runs through the same code, is marked everywhere, pages only who asked for it, is never
	// public and counts in no metric.
	ModeTest Mode = "test"
	// ModeRetrospective was over when it was written down. It counts, and has no effects.
	ModeRetrospective Mode = "retrospective"
)

// Visibility says who may see an incident.
type Visibility string

// The visibilities. A public incident may become private, never the other way round.
const (
	Public  Visibility = "public"  // everybody who may sign in
	Private Visibility = "private" // its participants, and admins
)

// Ref is how people name incident number n: INC-42.
func Ref(n int64) string { return fmt.Sprintf("INC-%d", n) }
