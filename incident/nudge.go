package incident

import "time"

// NudgeKind is what people are reminded of.
type NudgeKind string

// The kinds of nudges. When each is due first, how often it comes again and what ends it stands in
// one table beside NudgeDue.
const (
	NudgeTriage   NudgeKind = "triage"      // nobody accepted or declined
	NudgeLead     NudgeKind = "lead"        // nobody leads
	NudgeSeverity NudgeKind = "severity"    // no severity
	NudgeUpdate   NudgeKind = "update"      // the next update is due
	NudgeRegroup  NudgeKind = "regroup"     // first Monitoring, or an hour
	NudgeRest     NudgeKind = "rest"        // one person for three hours
	NudgeOpen     NudgeKind = "still_open"  // Monitoring for a week
	NudgeEntry    NudgeKind = "entry"       // a quarantined message is undecided
	NudgeTasks    NudgeKind = "tasks"       // tasks of the time after
	NudgeFollowUp NudgeKind = "follow_up"   // follow-ups without owner, or late
	NudgePublic   NudgeKind = "status_page" // the status page is behind
)

// Nudge is what became of one kind of nudge so far.
type Nudge struct {
	Sent    int       `json:"sent,omitempty"`
	Last    time.Time `json:"last,omitzero"`
	Snoozed time.Time `json:"snoozed,omitzero"` // until
	Stopped bool      `json:"stopped,omitempty"`
	// For is the occasion that Sent counts for, such as the due time of an update: a new occasion counts
	// from 0.
	For string `json:"for,omitempty"`
	// Recent are the times of those sent within the last hour, whatever for: they bound how many all
	// kinds together may send.
	Recent []time.Time `json:"recent,omitempty"`
}
