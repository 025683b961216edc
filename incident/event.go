package incident

import (
	"encoding/json"
	"time"
)

// Event is something that happened to an incident. The list of them is three things at once: the
// timeline that people read, the outbox that is published, and what insights are computed from.
// Events are never changed and never deleted.
type Event struct {
	// ID is a UUIDv7, given by the Service. Seq numbers the events of one incident without gaps; it is
	// given by the store.
	ID         string    `json:"id"`
	Type       EventType `json:"type"`
	V          int       `json:"v"` // version of Data's form, 1 now
	IncidentID string    `json:"incident_id"`
	Number     int64     `json:"number"` // the incident's, so that a log reads well
	Seq        int64     `json:"seq"`
	// OccurredAt is what people say, RecordedAt what we know.
	OccurredAt time.Time  `json:"occurred_at"`
	RecordedAt time.Time  `json:"recorded_at"`
	Actor      Actor      `json:"actor"`
	Visibility Visibility `json:"visibility"`
	Mode       Mode       `json:"mode"`
	// Cause is the id of the event or message behind it; Traceparent is W3C's.
	Cause       string `json:"cause,omitempty"`
	Traceparent string `json:"traceparent,omitempty"`
	// NotAfter is when an effect of it would be stale; zero is never.
	NotAfter time.Time `json:"not_after,omitzero"`
	// Key, if not empty, is unique within the incident: a second event with it is ErrDuplicate.
	Key string `json:"key,omitempty"`
	// Data is one of the Data… types, by Type.
	Data json.RawMessage `json:"data,omitempty"`
}

// EventType is what happened.
type EventType string

// The types of events. Traits says how each is read.
const (
	EvReported  EventType = "incident.reported"
	EvDeclared  EventType = "incident.declared"
	EvAccepted  EventType = "incident.accepted"
	EvDeclined  EventType = "incident.declined"
	EvMerged    EventType = "incident.merged"   // on the source
	EvAbsorbed  EventType = "incident.absorbed" // on the target of a merge
	EvCanceled  EventType = "incident.canceled"
	EvPaused    EventType = "incident.paused"
	EvResumed   EventType = "incident.resumed"
	EvResolved  EventType = "incident.resolved"
	EvClosed    EventType = "incident.closed"
	EvReopened  EventType = "incident.reopened"
	EvImported  EventType = "incident.imported"
	EvStatus    EventType = "incident.status_updated" // beside each of the above, and of an update
	EvEdited    EventType = "incident.updated"
	EvSeverity  EventType = "incident.severity_changed"
	EvPrivate   EventType = "incident.visibility_changed"
	EvOverdue   EventType = "incident.update_overdue"
	EvAssigned  EventType = "incident.role_assigned"
	EvHandedOff EventType = "incident.role_handed_over"
	EvUnassign  EventType = "incident.role_unassigned"
	EvJoined    EventType = "incident.participant_joined"
	EvLeft      EventType = "incident.participant_left"
	EvUpdate    EventType = "incident.update_shared"
	EvAskUpdate EventType = "incident.update_requested"

	EvItemAdded   EventType = "timeline.item_added"
	EvItemEdited  EventType = "timeline.item_edited"
	EvItemRemoved EventType = "timeline.item_removed"

	EvActionCreated  EventType = "action.created"
	EvActionUpdated  EventType = "action.updated"
	EvActionDone     EventType = "action.done"
	EvActionDropped  EventType = "action.not_doing"
	EvFollowCreated  EventType = "follow_up.created"
	EvFollowUpdated  EventType = "follow_up.updated"
	EvFollowDone     EventType = "follow_up.done"
	EvFollowDropped  EventType = "follow_up.not_doing"
	EvTaskCreated    EventType = "task.created"
	EvTaskDone       EventType = "task.done"
	EvTaskSkipped    EventType = "task.skipped"
	EvTasksOptedOut  EventType = "task.opted_out"
	EvDebrief        EventType = "debrief.scheduled"
	EvPostmortem     EventType = "postmortem.edited"
	EvPublicDraft    EventType = "statuspage.draft_created"
	EvPublicUpdate   EventType = "statuspage.update_published"
	EvEscalated      EventType = "escalation.created"
	EvLevelDue       EventType = "escalation.level_due"
	EvLevelNotified  EventType = "escalation.level_notified"
	EvAcked          EventType = "escalation.acked"
	EvExhausted      EventType = "escalation.exhausted"
	EvEscCancelled   EventType = "escalation.cancelled"
	EvEscResolved    EventType = "escalation.resolved"
	EvAlert          EventType = "alert.received"
	EvAlertResolved  EventType = "alert.resolved"
	EvEntryAttached  EventType = "entry.attached"
	EvEntryDecided   EventType = "entry.decided"
	EvAttached       EventType = "attachment.added"
	EvEffectDone     EventType = "effect.done"
	EvEffectSkipped  EventType = "effect.skipped"
	EvNudged         EventType = "nudge.sent"
	EvNudgeSnoozed   EventType = "nudge.snoozed"
	EvNudgeStopped   EventType = "nudge.stopped"
	EvActivity       EventType = "activity.recorded"
	EvPrivateSeen    EventType = "incident.private_seen" // an admin looked at a private incident
	EvControlChanged EventType = "control.changed"       // work was held back, or is no longer
)

// Trait says how events of a type are read.
type Trait struct {
	// Timeline: people read it. Published: it goes to the broker. Activity: it counts as work of its actor.
	Timeline, Published, Activity bool
}
