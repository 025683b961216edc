package incident

import (
	"encoding/json"
	"time"
)

// Incident is the whole of one incident but its events: one document, saved together, with a few of
// its fields as columns beside it (see Columns). Only verbs change it.
//
// It is plain data and not safe for concurrent use; a copy by value shares its slices.
type Incident struct {
	// ID is a UUIDv7, Number is given by the store and never again. People say Ref: INC-42.
	ID     string `json:"id"`
	Number int64  `json:"number"`
	// Version counts the changes of the document. Seq is the number of its latest event; both are kept by
	// the store.
	Version int64 `json:"version"`
	Seq     int64 `json:"seq"`

	Name    string `json:"name"`
	Summary string `json:"summary,omitempty"`
	Status  Status `json:"status"`
	// Resumes is the status that a paused incident goes back to.
	Resumes Status `json:"resumes,omitempty"`
	// Severity and Type are ids of the settings; Severity may be missing for a while.
	Severity   string     `json:"severity,omitempty"`
	Type       string     `json:"type,omitempty"`
	Mode       Mode       `json:"mode"`
	GameDay    bool       `json:"game_day,omitempty"`
	Visibility Visibility `json:"visibility"`
	// Origin is who reported or declared it.
	Origin Actor `json:"origin"`
	Times  Times `json:"times"`
	// Reopens counts; MergedInto is the id of the incident it lives on in; Related are ids of others.
	Reopens    int      `json:"reopens,omitempty"`
	MergedInto string   `json:"merged_into,omitempty"`
	Related    []string `json:"related,omitempty"`
	// Keys are held so that things happen once. The store keeps the same list in a table of its own.
	Keys []Key `json:"keys,omitempty"`

	Assignments  []Assignment  `json:"assignments,omitempty"`
	Participants []Participant `json:"participants,omitempty"`
	// LastUpdate is the latest one that was shared; all of them are events. NextUpdateDue is zero where
	// nobody promised one and the severity asks for none.
	LastUpdate    *Update    `json:"last_update,omitempty"`
	NextUpdateDue time.Time  `json:"next_update_due,omitzero"`
	Actions       []Action   `json:"actions,omitempty"`
	FollowUps     []FollowUp `json:"follow_ups,omitempty"`
	Tasks         []Task     `json:"tasks,omitempty"`

	Escalations []Escalation `json:"escalations,omitempty"`
	Alerts      []Alert      `json:"alerts,omitempty"`
	Entries     []Entry      `json:"entries,omitempty"`
	// EntriesMore counts those that are not in Entries, since the list was full.
	EntriesMore int                   `json:"entries_more,omitempty"`
	Attachments []Attachment          `json:"attachments,omitempty"`
	Fields      map[string]FieldValue `json:"fields,omitempty"`
	Nudges      map[NudgeKind]Nudge   `json:"nudges,omitempty"`

	// NudgeAt is when the next nudge is due, zero for never. The Service sets it after each verb, since it
	// depends on the settings (NudgeDueAt).
	NudgeAt time.Time `json:"nudge_at,omitzero"`

	// Channel is where people talk about it, once it was made; Headline is its announcement.
	Channel  *Channel `json:"channel,omitempty"`
	Headline *Post    `json:"headline,omitempty"`

	// Later holds what later versions of the program keep with an incident and this one does not know:
	// post-mortem, debrief, public drafts. It is carried along unread.
	Later map[string]json.RawMessage `json:"later,omitempty"`
}

// Ref is how people name it.
func (inc *Incident) Ref() string { return Ref(inc.Number) }

// Times are the moments that metrics are made of. They are what people say where people said
// something, so they may be out of order; what was recorded when stands in the events.
type Times struct {
	ImpactStarted time.Time `json:"impact_started,omitzero"`
	Reported      time.Time `json:"reported,omitzero"`
	Declared      time.Time `json:"declared,omitzero"`
	Accepted      time.Time `json:"accepted,omitzero"`
	Fixed         time.Time `json:"fixed,omitzero"` // the first Monitoring
	// MonitoringSince is when the present stay in Monitoring began, PausedSince the present pause.
	MonitoringSince time.Time `json:"monitoring_since,omitzero"`
	PausedSince     time.Time `json:"paused_since,omitzero"`
	Resolved        time.Time `json:"resolved,omitzero"`
	Closed          time.Time `json:"closed,omitzero"` // or declined, merged, canceled
	// Created and Updated are by our own clock and never edited.
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

// Key makes something happen once: two incidents never hold the same one.
type Key struct {
	// Text is such as "alert:prometheus:…", "slack:view:V123", "idem:token:…".
	Text string `json:"text"`
	// Open keys are held while the incident is open (Status.Open), freed when it no longer is, and taken
	// back by Reopen where nobody else holds them. Others are held for ever.
	Open bool `json:"open,omitempty"`
}

// Assignment is a role somebody holds.
type Assignment struct {
	// Role is an id of the settings; LeadRole is always there.
	Role   string    `json:"role"`
	Person string    `json:"person"`
	Since  time.Time `json:"since"`
}

// LeadRole is the role that exactly one person holds, or nobody yet.
const LeadRole = "lead"

// ParticipantKind says how somebody takes part.
type ParticipantKind string

// The kinds of participants, in rising order.
const (
	Observer     ParticipantKind = "observer"     // reads along
	Collaborator ParticipantKind = "collaborator" // was invited, or wrote three messages
	Worker       ParticipantKind = "responder"    // works on it
)

// Participant is somebody who takes part.
type Participant struct {
	Person string          `json:"person"`
	Kind   ParticipantKind `json:"kind"`
	Since  time.Time       `json:"since"`
	// Left is when they left, zero while they are there. Returns counts how often they came back.
	Left    time.Time `json:"left,omitzero"`
	Returns int       `json:"returns,omitempty"`
	// Subscribed to updates by direct message.
	Subscribed bool `json:"subscribed,omitempty"`
	// Messages counts what an observer wrote, up to three.
	Messages int `json:"messages,omitempty"`
}

// Update is what people outside the room are told.
type Update struct {
	Message string    `json:"message"`
	By      Actor     `json:"by"`
	At      time.Time `json:"at"`
	// EventID is the event that shared it.
	EventID string `json:"event_id,omitempty"`
}

// ItemState is where an action or a follow-up stands.
type ItemState string

// The states of actions and follow-ups.
const (
	Outstanding ItemState = "outstanding"
	Done        ItemState = "done"
	NotDoing    ItemState = "not_doing"
	Deleted     ItemState = "deleted"
)

// Action is something to do now.
type Action struct {
	ID      string    `json:"id"`
	Text    string    `json:"text"`
	Owner   string    `json:"owner,omitempty"`
	State   ItemState `json:"state"`
	Created time.Time `json:"created"`
	Ended   time.Time `json:"ended,omitzero"`
}

// FollowUp is something to do later.
type FollowUp struct {
	ID       string    `json:"id"`
	Text     string    `json:"text"`
	Owner    string    `json:"owner,omitempty"`
	Priority string    `json:"priority,omitempty"`
	Due      time.Time `json:"due,omitzero"`
	Link     string    `json:"link,omitempty"`
	State    ItemState `json:"state"`
	Created  time.Time `json:"created"`
	Ended    time.Time `json:"ended,omitzero"`
}

// TaskState is where a task of the time after an incident stands.
type TaskState string

// The states of tasks.
const (
	TaskOpen    TaskState = "open"
	TaskDone    TaskState = "done"
	TaskSkipped TaskState = "skipped" // with a reason
)

// Task is something that its flow asks for before an incident may close.
type Task struct {
	ID string `json:"id"`
	// Stage is Documenting or Reviewing.
	Stage  Status    `json:"stage"`
	Text   string    `json:"text"`
	State  TaskState `json:"state"`
	Reason string    `json:"reason,omitempty"`
	Ended  time.Time `json:"ended,omitzero"`
}

// Alert is a signal from outside that belongs to the incident.
type Alert struct {
	// Source and Dedup name it; together they are its key.
	Source string `json:"source"`
	Dedup  string `json:"dedup"`
	Title  string `json:"title"`
	URL    string `json:"url,omitempty"`
	// Count is how often it fired.
	Count    int       `json:"count"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Resolved time.Time `json:"resolved,omitzero"`
}

// Entry is a quarantined message that belongs to the incident. It is known by its reference only.
type Entry struct {
	Ref          string `json:"ref"` // Q-7F3K
	Group        string `json:"group,omitempty"`
	Subscription string `json:"subscription"`
	Title        string `json:"title"`
	Where        string `json:"where,omitempty"`
	// Crash is the reference of a crash record, Trouble the event of an error tracker.
	Crash   string    `json:"crash,omitempty"`
	Trouble string    `json:"trouble,omitempty"`
	At      time.Time `json:"at"`
	// Version is that of the entry when it was decided last; Decision is "" while nobody decided:
	// "replayed" or "discarded".
	Version  int64     `json:"version,omitempty"`
	Decision string    `json:"decision,omitempty"`
	By       string    `json:"by,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Decided  time.Time `json:"decided,omitzero"`
}

// Attachment is a link that belongs to the incident.
type Attachment struct {
	Kind  string    `json:"kind"` // runbook, dashboard, issue, call, …
	URL   string    `json:"url"`
	Title string    `json:"title,omitempty"`
	At    time.Time `json:"at"`
}

// FieldValue is what a custom field says: one value or several, each as text. What text is fine
// stands in the settings.
type FieldValue []string

// Channel is a channel of a chat.
type Channel struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Archived when it was put away.
	Archived bool `json:"archived,omitempty"`
}

// Post is a message in a channel.
type Post struct {
	Channel string `json:"channel"`
	ID      string `json:"id"`
}

// Lead returns who leads, "" for nobody.
func (inc *Incident) Lead() string { return inc.Holder(LeadRole) }

// Holder returns who holds a role, "" for nobody.
func (inc *Incident) Holder(role string) string {
	for _, a := range inc.Assignments {
		if a.Role == role {
			return a.Person
		}
	}
	return ""
}

// Undecided returns the entries that nobody decided about.
func (inc *Incident) Undecided() []Entry {
	var open []Entry
	for _, e := range inc.Entries {
		if e.Decision == "" {
			open = append(open, e)
		}
	}
	return open
}
