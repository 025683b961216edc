package incident

import "time"

// Settings are what an organisation decides about its incidents: one validated document with
// history. A process reads it anew every 10 s. It is not changed once it was loaded.
type Settings struct {
	// Version counts saves; it is kept by the store.
	Version    int64        `json:"version"`
	Severities []Severity   `json:"severities"`
	Roles      []RoleType   `json:"roles"`
	Types      []Type       `json:"types,omitempty"`
	Fields     []Field      `json:"fields,omitempty"`
	Flows      []Flow       `json:"flows,omitempty"`
	Paths      []Path       `json:"paths,omitempty"`
	Rotations  []Rotation   `json:"rotations,omitempty"`
	Sources    []Source     `json:"sources,omitempty"`
	Endpoints  []Endpoint   `json:"endpoints,omitempty"`
	Announce   []Announce   `json:"announce,omitempty"`
	Hours      WorkingHours `json:"hours"`
	// ChannelPrefix begins the names of channels. Default "inc".
	ChannelPrefix string `json:"channel_prefix,omitempty"`
	// Runbooks are texts shown when a message of a subscription is held, by subscription.
	Runbooks map[string]string `json:"runbooks,omitempty"`
}

// Severity is how bad it is.
type Severity struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Rank orders them: the highest is the worst.
	Rank int `json:"rank"`
	// Page says whether a new incident of it calls people.
	Page PageRule `json:"page"`
	// Path is the escalation path that it starts, "" for none.
	Path string `json:"path,omitempty"`
	// UpdateEvery is how often people outside hear of it. Zero asks for none.
	UpdateEvery Duration `json:"update_every,omitempty"`
}

// PageRule says when people are paged, and not only told.
type PageRule string

// The rules.
const (
	PageAlways PageRule = "always"
	PageHours  PageRule = "hours" // in working hours; told otherwise
	PageNever  PageRule = "never" // told only
)

// RoleType is a role that people can hold in an incident.
type RoleType struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Instructions string `json:"instructions,omitempty"`
}

// Type is a kind of incident, such as "security".
type Type struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Private makes incidents of it private from the start.
	Private bool `json:"private,omitempty"`
}

// FieldKind says what a custom field holds.
type FieldKind string

// The kinds of fields. The last four are choices from a catalog.
const (
	FieldText    FieldKind = "text"
	FieldNumber  FieldKind = "number"
	FieldChoice  FieldKind = "choice"
	FieldChoices FieldKind = "choices"
	FieldPerson  FieldKind = "person"
	FieldLink    FieldKind = "link"
	FieldService FieldKind = "service"
	FieldTeam    FieldKind = "team"
	FieldCause   FieldKind = "cause"
	FieldProject FieldKind = "project"
)

// Field is a custom field. Its id survives renaming.
type Field struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Kind    FieldKind `json:"kind"`
	Choices []string  `json:"choices,omitempty"`
	// Required is when it is asked for: "declare", "resolve", "close" or "". It blocks only at close.
	Required string `json:"required,omitempty"`
}

// Flow is what is asked for after an incident.
type Flow struct {
	// Severities and Types it applies to; an empty list is all.
	Severities []string   `json:"severities,omitempty"`
	Types      []string   `json:"types,omitempty"`
	Tasks      []FlowTask `json:"tasks"`
}

// FlowTask is a task that a flow makes.
type FlowTask struct {
	ID    string `json:"id"`
	Stage Status `json:"stage"` // Documenting or Reviewing
	Text  string `json:"text"`
}

// Path is an escalation path.
type Path struct {
	ID     string  `json:"id"`
	Name   string  `json:"name"`
	Levels []Level `json:"levels"`
	// Repeat is how many rounds are made. Default 2.
	Repeat int `json:"repeat,omitempty"`
}

// Rotation is a weekly turn: people take it one after the other, a week each.
type Rotation struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	People []string `json:"people"`
	// Start is the beginning of the first one's first week, and with it the hour of all hand-overs, in
	// Zone.
	Start time.Time `json:"start"`
	Zone  string    `json:"zone,omitempty"`
}

// Source is where alerts come from.
type Source struct {
	ID string `json:"id"`
	// Kind is "generic", "sentry", "alertmanager", or "pagerduty", which opens no incident and says that
	// somebody answered a call of ours.
	Kind string `json:"kind"`
	// TokenHash is the SHA-256 (hex) of its bearer token; SecretEnv names the environment variable in
	// which a signing secret stands: secrets are in no document.
	TokenHash string `json:"token_hash,omitempty"`
	SecretEnv string `json:"secret_env,omitempty"`
	// PerAlert makes an incident for each alert's fingerprint, not for each group (Alertmanager).
	PerAlert bool `json:"per_alert,omitempty"`
	// Severity maps what the source says to an id of ours; Default is for the rest.
	Severity map[string]string `json:"severity,omitempty"`
	Default  string            `json:"default,omitempty"`
	// Declare makes Active incidents; otherwise alerts open Triage.
	Declare bool `json:"declare,omitempty"`
	// Burst is how many incidents it may open in 10 min before the rest joins one storm. Default 10.
	Burst   int    `json:"burst,omitempty"`
	Runbook string `json:"runbook,omitempty"`
}

// Endpoint takes our webhooks.
type Endpoint struct {
	ID  string `json:"id"`
	URL string `json:"url"`
	// Types it wants; an empty list is all that are published. SecretEnv names environment variables with
	// its secrets, two while one rotates.
	Types     []EventType `json:"types,omitempty"`
	SecretEnv []string    `json:"secret_env"`
	// AllowPrivate lets its address be inside a private network.
	AllowPrivate bool `json:"allow_private,omitempty"`
	Off          bool `json:"off,omitempty"`
}

// Announce is a channel that hears of incidents.
type Announce struct {
	Channel string `json:"channel"`
	// Severities and Types it wants; an empty list is all. Updates also brings each shared update.
	Severities []string `json:"severities,omitempty"`
	Types      []string `json:"types,omitempty"`
	Updates    bool     `json:"updates,omitempty"`
}

// WorkingHours are when PageHours pages, and when daily nudges come to people without a zone.
type WorkingHours struct {
	Zone string `json:"zone"` // IANA name. Default UTC
	From string `json:"from"` // "09:00"
	To   string `json:"to"`   // "18:00"
	// Days are the working days, 0 is Sunday. Default Monday to Friday.
	Days []time.Weekday `json:"days,omitempty"`
}

// Person is somebody we know.
type Person struct {
	ID    string `json:"id"` // short, such as "ana"
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
	// SlackID maps a user of the chat to this person.
	SlackID string `json:"slack_id,omitempty"`
	Role    Role   `json:"role"`
	Zone    string `json:"zone,omitempty"` // IANA name
	// PagerKeyEnv names the environment variable with a routing key of their own.
	PagerKeyEnv string `json:"pager_key_env,omitempty"`
	// Gone is when they left or are going to leave, zero while nobody knows of that.
	Gone time.Time `json:"gone,omitzero"`
}

// Left reports that they were here no more at a moment.
func (p Person) Left(at time.Time) bool { return !p.Gone.IsZero() && !at.Before(p.Gone) }

// Token is a bearer token of the API. Its text is shown once; what is kept is its SHA-256.
type Token struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Hash     [32]byte  `json:"-"`
	Role     Role      `json:"role"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"`
	LastUsed time.Time `json:"last_used,omitzero"`
	Revoked  time.Time `json:"revoked,omitzero"`
}
