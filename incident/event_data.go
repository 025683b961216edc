package incident

import (
	"encoding/json"
	"fmt"
	"time"
)

// DataOf returns what an event says, in the form of its type: DataOf[DataStatus](e).
func DataOf[T any](e Event) (T, error) {
	var data T
	if len(e.Data) == 0 {
		return data, nil
	}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return data, fmt.Errorf("event %s of type %.60q: %w", e.ID, e.Type, err)
	}
	return data, nil
}

// DataNew is said by incident.reported, declared, imported and accepted: how it stood then.
type DataNew struct {
	Name     string   `json:"name"`
	Severity string   `json:"severity,omitempty"`
	Type     string   `json:"type,omitempty"`
	GameDay  bool     `json:"game_day,omitempty"`
	Related  []string `json:"related,omitempty"`
}

// DataReason is said by incident.declined, canceled, paused, resumed, closed, reopened and
// visibility_changed. Only those that ask for a reason always have one.
type DataReason struct {
	Reason string `json:"reason,omitempty"`
}

// DataMerged is said by incident.merged on the source, where it names the target, and by
// incident.absorbed on the target, where it names the source. Participants and Entries are what moved.
type DataMerged struct {
	IncidentID   string   `json:"incident_id"`
	Ref          string   `json:"ref"`
	Reason       string   `json:"reason,omitempty"`
	Participants []string `json:"participants,omitempty"`
	Entries      []string `json:"entries,omitempty"`
}

// DataResolved is said by incident.resolved.
type DataResolved struct {
	Message string `json:"message,omitempty"`
}

// DataUpdate is said by incident.update_shared. From and To are set where it moved the status too.
type DataUpdate struct {
	Message  string    `json:"message"`
	From     Status    `json:"from,omitempty"`
	To       Status    `json:"to,omitempty"`
	Severity string    `json:"severity,omitempty"`
	NextDue  time.Time `json:"next_due,omitzero"`
}

// DataStatus is said by incident.status_updated. From is "" where the incident was made.
type DataStatus struct {
	From Status `json:"from,omitempty"`
	To   Status `json:"to"`
}

// DataEdited is said by incident.updated.
type DataEdited struct {
	Changes []FieldChange `json:"changes"`
}

// FieldChange is one thing that was edited. Custom fields are fields.{id}, their values joined.
type FieldChange struct {
	Field string `json:"field"`
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
}

// DataSeverity is said by incident.severity_changed.
type DataSeverity struct {
	From   string `json:"from,omitempty"`
	To     string `json:"to"`
	Reason string `json:"reason,omitempty"`
}

// DataOverdue is said by incident.update_overdue.
type DataOverdue struct {
	Due time.Time `json:"due,omitzero"`
}

// DataRole is said by incident.role_assigned, role_handed_over and role_unassigned. Person holds the
// role afterwards, From held it before.
type DataRole struct {
	Role   string `json:"role"`
	Person string `json:"person,omitempty"`
	From   string `json:"from,omitempty"`
	Note   string `json:"note,omitempty"`
}

// DataParticipant is said by incident.participant_joined, participant_left and update_requested, where
// it names who is asked, or nobody.
type DataParticipant struct {
	Person string          `json:"person,omitempty"`
	Kind   ParticipantKind `json:"kind,omitempty"`
}

// DataItem is said by timeline.item_added, item_edited and item_removed. Of names by number the item
// that is changed. When the event occurred is what the line is about.
type DataItem struct {
	Of   int64  `json:"of,omitempty"`
	Text string `json:"text,omitempty"`
	// Occurred is the new time of an edited line, zero where it is the old one.
	Occurred time.Time `json:"occurred,omitzero"`
}

// DataTodo is said by action.* and follow_up.*: how it stands afterwards.
type DataTodo struct {
	ID       string    `json:"id"`
	Text     string    `json:"text"`
	Owner    string    `json:"owner,omitempty"`
	Priority string    `json:"priority,omitempty"`
	Due      time.Time `json:"due,omitzero"`
	Link     string    `json:"link,omitempty"`
	State    ItemState `json:"state"`
}

// DataTask is said by task.created, done and skipped.
type DataTask struct {
	ID     string `json:"id"`
	Stage  Status `json:"stage,omitempty"`
	Text   string `json:"text,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// DataOptOut is said by task.opted_out. Tasks are the ids of those that were open.
type DataOptOut struct {
	Reason string   `json:"reason"`
	Tasks  []string `json:"tasks,omitempty"`
}

// DataAlert is said by alert.received and resolved.
type DataAlert struct {
	Source string `json:"source"`
	Dedup  string `json:"dedup"`
	Title  string `json:"title,omitempty"`
	URL    string `json:"url,omitempty"`
	Count  int    `json:"count,omitempty"`
}

// DataEntry is said by entry.attached and entry.decided.
type DataEntry struct {
	Ref          string `json:"ref"`
	Group        string `json:"group,omitempty"`
	Subscription string `json:"subscription,omitempty"`
	Title        string `json:"title,omitempty"`
	Where        string `json:"where,omitempty"`
	Version      int64  `json:"version,omitempty"`
	// Decision is "replayed" or "discarded", or "" where it is undecided.
	Decision string `json:"decision,omitempty"`
	By       string `json:"by,omitempty"`
	Reason   string `json:"reason,omitempty"`
	// Unlisted says that the list of the incident was full.
	Unlisted bool `json:"unlisted,omitempty"`
}

// DataAttachment is said by attachment.added.
type DataAttachment struct {
	Kind  string `json:"kind"`
	URL   string `json:"url"`
	Title string `json:"title,omitempty"`
}

// What effect.done says was done.
const (
	effectChannel  = "channel"
	effectArchived = "channel archived"
	effectHeadline = "headline"
)

// DataEffect is said by effect.done and effect.skipped.
type DataEffect struct {
	Effect string `json:"effect"`
	ID     string `json:"id,omitempty"`
	Name   string `json:"name,omitempty"`
	Why    string `json:"why,omitempty"`
}

// DataNudge is said by nudge.sent, snoozed and stopped.
type DataNudge struct {
	Kind     NudgeKind `json:"kind"`
	Occasion string    `json:"occasion,omitempty"`
	N        int       `json:"n,omitempty"`
	Until    time.Time `json:"until,omitzero"`
}

// DataActivity is said by activity.recorded. When the event occurred is when they did it.
type DataActivity struct {
	Person string `json:"person"`
	What   string `json:"what"`
}

// DataNote is said by the types that say one text: control.changed, debrief.scheduled,
// postmortem.edited, statuspage.*.
type DataNote struct {
	Text string `json:"text,omitempty"`
}
