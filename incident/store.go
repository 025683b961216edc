package incident

import (
	"context"
	"strconv"
	"time"
)

// Store keeps incidents and their events. It is implemented by incidentpg (the reference),
// incidentlite (embedded) and incidenttest (memory); all pass incidenttest.RunStoreTests.
// Implementations are safe for concurrent use by many goroutines and, but for the one in memory, by
// many processes.
//
// Errors: every method returns an error that wraps [ErrUnavailable] when the store could not be
// reached or could not decide in time (nothing is known of the outcome), and [ErrSchema] when its
// schema is not the one this program was built for. Text is stored as it comes, NUL and bytes that
// are no UTF-8 excepted: those were replaced at the door.
type Store interface {
	// Create stores a new incident and its events in one transaction, gives Number, and numbers the
	// events. If one of its keys is held it returns *[ExistsError]; an id that is there already, of an
	// incident or an event, is an error wrapping [ErrDuplicate]. ErrTooLarge.
	Create(ctx context.Context, inc Incident, evs []Event) (Incident, error)

	// Get returns one incident by id, by reference in any case, or by number.
	// It returns an error wrapping [ErrNotFound].
	Get(ctx context.Context, ref string) (Incident, error)

	// ByKey returns the incident that holds a key, or an error wrapping [ErrNotFound].
	ByKey(ctx context.Context, key string) (Incident, error)

	// List returns incidents that match, the most recently created first.
	List(ctx context.Context, f Filter) (Page, error)

	// Save stores changes in one transaction, all or none, and returns the incidents as they then stand,
	// in the same order (for a change of events only, with nothing but ID, Number, Version and Seq).
	// An incident whose version is not the expected one is *[ConflictError]; an event whose key its
	// incident has seen is an error wrapping [ErrDuplicate]; a key that another incident holds is
	// *[ExistsError]; ErrTooLarge. Keys are compared with those stored: new ones are taken, missing ones
	// freed, those of all changes before any is taken. Open keys of an incident that is not open are freed
	// whatever it says. Events of a private incident are private whatever they say. An incident that was
	// never created is an error wrapping [ErrNotFound].
	Save(ctx context.Context, changes ...Change) ([]Incident, error)

	// Events returns events of one incident by seq, or across all by id, oldest first. An incident that is
	// not there has none.
	Events(ctx context.Context, f EventFilter) (EventPage, error)
}

// Outbox is what the relay reads: events and inbound rows that were stored and not yet published.
type Outbox interface {
	// Unpublished leases up to limit of them for 10 s, so that two relays may run. First come events and rows
	// that people wait for, then chores ([Inbound.Chore]), of each the oldest first, so that no number of
	// reminders keeps a page waiting. As long as chores wait they get at least [ChorePlaces] of the limit, so
	// that they do not wait for ever. Times are by the store's clock. An event is as its incident's visibility
	// is now ([Envelope]).
	Unpublished(ctx context.Context, limit int) ([]Outgoing, error)
	// MarkPublished notes that they are with the broker. Ids that it does not know are ignored.
	MarkPublished(ctx context.Context, ids ...string) error
	// Republish makes events unpublished again: a handler will see each of them once more, also where a
	// relay has just published one and not marked it yet. Ids that it does not know are ignored.
	Republish(ctx context.Context, eventIDs ...string) error
	// Wake returns when there may be something unpublished, or when ctx ends; at the latest after
	// patience. A store that can be told of it (LISTEN) returns early.
	Wake(ctx context.Context, patience time.Duration) error
}

// Effects is the table of side effects. An effect happens once for each key: claim it, do it, finish
// it.
type Effects interface {
	// Claim takes the effect until lease has passed, by the store's clock. See ClaimResult.
	Claim(ctx context.Context, c Claim) (ClaimResult, error)
	// Renew prolongs a claim: its owner is alive and at it, and the effect is theirs until lease has passed
	// from now, by the store's clock. Zero is 30 s. One that was lost to another owner, or has ended, is
	// ErrConflict.
	Renew(ctx context.Context, key string, attempt int, lease time.Duration) error
	// Finish notes that the effect of a claim happened (Done), or that it never will (Failed), with what
	// came of it. A claim that was lost to another owner in the meantime is ErrConflict; saying the same
	// once more is no error and changes nothing.
	Finish(ctx context.Context, key string, attempt int, e EffectEnd) error
	// Release gives a claim back undone: another attempt may begin at once, or after notBefore. InDoubt
	// says that it may have happened all the same.
	Release(ctx context.Context, key string, attempt int, r EffectRelease) error
	// EffectList returns the effects of an incident, oldest first.
	EffectList(ctx context.Context, incidentID string) ([]Effect, error)
	// Effect returns one, or an error wrapping ErrNotFound.
	Effect(ctx context.Context, key string) (Effect, error)
}

// Inbox is what came from outside and what the clock asked for: stored first, answered second,
// handled third.
type Inbox interface {
	// Accept stores rows whose id is new and reports for each whether it was. They are published by the
	// relay to their topic, not before NotBefore, and not at all once they were handled. A row that no
	// broker would take (Inbound.Validate) is an error wrapping ErrInvalid, and none of them is stored.
	Accept(ctx context.Context, rows ...Inbound) (created []bool, err error)
	// Handled notes what became of a row. The first one wins. ErrNotFound.
	Handled(ctx context.Context, id, result string) error
	// Inbound returns one, or an error wrapping ErrNotFound.
	Inbound(ctx context.Context, id string) (Inbound, error)
}

// Directory keeps people, settings and tokens.
type Directory interface {
	// Settings returns those in force; DefaultSettings before the first save.
	Settings(ctx context.Context) (Settings, error)
	// SaveSettings stores a new version if the one in force is s.Version, else ErrConflict, and keeps the
	// old one with who changed it.
	SaveSettings(ctx context.Context, by Actor, s Settings) (Settings, error)
	// Person returns one by id, Slack id or mail address, in this order; the case of an address does not
	// matter. It returns an error wrapping ErrNotFound.
	Person(ctx context.Context, ref string) (Person, error)
	// People returns all by id, those who left among them.
	People(ctx context.Context) ([]Person, error)
	// SavePerson stores or replaces one by id. A Slack id or address that another person has is
	// ErrConflict.
	SavePerson(ctx context.Context, p Person) error
	// SaveToken stores or replaces one by id. One that was revoked stays so, whatever a later save says:
	// two may write at once. A hash that another token has is ErrConflict.
	SaveToken(ctx context.Context, t Token) error
	// TokenByHash returns one, also if it expired or was revoked, or an error wrapping ErrNotFound.
	TokenByHash(ctx context.Context, hash [32]byte) (Token, error)
	// Tokens returns all by id.
	Tokens(ctx context.Context) ([]Token, error)
}

// Watch is what the clock asks. It reads columns and keys only, so that no document can harm it.
type Watch interface {
	// Now returns the store's time.
	Now(ctx context.Context) (time.Time, error)
	// DuePages returns incidents of which an escalation is due, at most limit, the longest overdue first and
	// of the same time by number, after the last one of a page before (the zero Due begins; its time and
	// number count).
	DuePages(ctx context.Context, after Due, limit int) ([]Due, error)
	// DueNudges returns incidents of which a nudge is due, likewise.
	DueNudges(ctx context.Context, after Due, limit int) ([]Due, error)
	// Sweepable returns incidents that are open, or have ended and were changed within two days (Columns.Ended), by
	// id, after that of the last one ("" begins). At is when each was changed last.
	Sweepable(ctx context.Context, after string, limit int) ([]Due, error)
	// Audit returns what is not as it should be: of each kind the oldest 100, of what is not published one
	// that counts them all. A level is paged once an effect page:{escalation}:{round}:{level}:… is done, and
	// nobody minds once a later event of its escalation says that it was handed over, answered or is over.
	Audit(ctx context.Context, limits AuditLimits) ([]Finding, error)
	// Prune deletes at most limit inbound rows older than 30 days that wait for nothing, and effects of
	// incidents that ended, and were changed last, 90 days ago, and returns how many.
	Prune(ctx context.Context, limit int) (int, error)
}

// Stores is everything that a process needs of its store. The three implementations have it all.
type Stores interface {
	Store
	Outbox
	Effects
	Inbox
	Directory
	Watch
	// Close gives up connections and files.
	Close() error
}

// Change is one incident's part of a Save.
type Change struct {
	// Incident is the document as it shall be, nil where there are only events; Expected is the version
	// it was made from.
	Incident *Incident
	Expected int64
	// IncidentID names the incident of events that come alone.
	IncidentID string
	Events     []Event
}

// Columns are the fields of an incident that stores keep beside its document, to be searched and
// sorted by.
type Columns struct {
	ID, Name, Severity, Type, MergedInto string
	Number, Version                      int64
	Status                               Status
	Stage                                Stage
	Mode                                 Mode
	Visibility                           Visibility
	Created, Updated                     time.Time
	// PageDueAt and NudgeDueAt are zero for never. Ended is zero while it is open, and then when it was changed
	// last: by our own clock, not by what people say of its end.
	PageDueAt, NudgeDueAt, Ended time.Time
	// HasChannel says that its channel was made.
	HasChannel bool
	// People are those who may see it while it is private: participants and holders of roles.
	People []string
}

// Filter selects incidents. Zero fields select all. Fields are joined by and.
type Filter struct {
	Statuses   []Status
	Stages     []Stage
	Severities []string
	Modes      []Mode
	// Text is looked for in name and summary, ignoring case.
	Text string
	// Field and Value select by a custom field.
	Field, Value string
	// Person selects incidents of a participant.
	Person string
	// For is who asks: private incidents of which they are no participant are left out, unless they are
	// an admin. Nil sees all; only the program itself asks like that.
	For *Reader
	// Limit bounds the page, default 30, at most 200. Cursor continues a listing.
	Limit  int
	Cursor string
}

// Reader is who looks.
type Reader struct {
	Person string
	Role   Role
}

// Page is one page of a listing, without the parts of a document that only a single one shows.
type Page struct {
	Incidents []Incident
	// Next continues the listing, "" at its end.
	Next string
}

// EventFilter selects events.
type EventFilter struct {
	// IncidentID selects one incident's events after AfterSeq. Empty selects all incidents' events after
	// the cursor.
	IncidentID string
	AfterSeq   int64
	Types      []EventType
	Actor      string // an actor's id
	// Since <= RecordedAt < Until.
	Since, Until time.Time
	Cursor       string
	Limit        int // default 100, at most 1000
}

// EventPage is one page of events.
type EventPage struct {
	Events []Event
	Next   string
}

// Outgoing is something that is to be published.
type Outgoing struct {
	ID    string
	Topic string
	Data  []byte
	// Attributes are few and small.
	Attributes map[string]string
	// Stored is when it was stored, by the store's clock. Since is when it was asked for once more, Stored, or
	// zero, for what never was ([Outbox].Republish).
	Stored, Since time.Time
}

// DedupID is by what a broker may know a copy that it has. It is the id, and another one each time that it was
// asked for once more: brokers drop copies for minutes, and that copy is meant.
func (o Outgoing) DedupID() string {
	if o.Since.IsZero() || o.Since.Equal(o.Stored) {
		return o.ID
	}
	return o.ID + "@" + strconv.FormatInt(o.Since.UnixMicro(), 10)
}

// Inbound is a request from outside, or a tick of the clock.
type Inbound struct {
	// ID is unique: a second row with it is the same request.
	ID    string
	Topic string
	// Kind is such as "slack.command"; it travels as an attribute.
	Kind string
	// Body is as it came, at most 1 MiB; Attributes go with it.
	Body       []byte
	Attributes map[string]string
	// NotBefore delays its publication: the one who stored it wants to try itself first.
	NotBefore time.Time
	// Stored and Handled are by the store's clock; Result is what became of it.
	Stored, Handled time.Time
	Result          string
}

// Due is an incident whose time has come.
type Due struct {
	IncidentID string
	Number     int64
	At         time.Time
}

// AuditLimits say how long things may take.
type AuditLimits struct {
	// Alert: an accepted alert without incident that is no older than AlertMaxAge, since one that nobody could
	// read would be found until its row is deleted. Page: a level that is due and not handed over.
	// Escalation: an active one that is behind. Channel: an open incident without one. Publish: an event
	// or row that waits for the broker.
	Alert, Page, Escalation, Channel, Publish time.Duration
}

// FindingKind is what is wrong.
type FindingKind string

// The kinds of findings.
const (
	PagedWithoutIncident FindingKind = "paged_without_incident"
	PageNotSent          FindingKind = "page_not_sent"
	EscalationLate       FindingKind = "escalation_late"
	NoChannel            FindingKind = "no_channel"
	NotPublished         FindingKind = "not_published"
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Kind FindingKind
	// Subject is what it is about: an incident's id, or a row's. Ref is the incident's, if any.
	Subject, Ref string
	Since        time.Time
	Count        int
}
