package quarantine

import (
	"context"
	"time"

	"github.com/theriac/theriac/handlers"
)

// Store keeps what the room knows. It is implemented by quarantinepg (the
// reference), quarantinelite (embedded) and quarantinetest (memory); all pass
// quarantinetest.RunStoreTests. Implementations are safe for concurrent use by
// many goroutines and, but for the one in memory, by many processes.
//
// Errors: every method returns an error that wraps [ErrUnavailable] when the
// store could not be reached or could not decide in time (nothing is known of
// the outcome), [ErrRefusedData] when it refused the bytes themselves, and
// [ErrSchema] when its schema is not the one this program was built for.
//
// Times are given by the store's own clock, so that workers with wrong clocks
// do not disturb the order of things.
type Store interface {
	// RecordAttempts stores attempts in one transaction, all or none, and
	// returns for each the totals after it, in the same order. Within one call
	// and across replicas the counting is exact: n failures of one message
	// recorded anywhere return the totals 1..n. OutcomeOK sets both totals to 0
	// and keeps the rows; outcomes that are neither a failure, a crash nor ok
	// change no total. An attempt with OutcomeCrashed whose message and Started are
	// those of one that is stored is that one again, reported by a worker that died
	// before it could note that it had: it is not stored and changes no total. At
	// most 50 attempts are kept per message, newest win.
	RecordAttempts(ctx context.Context, batch []AttemptRecord) ([]handlers.Totals, error)

	// HoldEntries stores new entries in one transaction, all or none. An entry
	// whose identity is already stored changes nothing and is returned as it
	// stands, with Created false. Suspects that wait under the message of an entry
	// are held from then on.
	HoldEntries(ctx context.Context, batch []NewEntry) ([]HoldResult, error)

	// EntryGet returns one entry with its attempts, and its payload if asked.
	// It returns an error wrapping [ErrNotFound], or *[AmbiguousError] when a
	// prefix fits several references.
	EntryGet(ctx context.Context, key EntryKey, opt GetOptions) (Entry, error)

	// EntryList returns the entries that match, newest first, without payload
	// and attempts, and how many match in all, counted up to 10,000. A group that
	// does not exist is an error as for EntryGet.
	EntryList(ctx context.Context, q Query) (EntryPage, error)

	// GroupList returns the groups that have a matching entry, those with held
	// entries first, then the most recently seen, at most q.Limit. A group's
	// counts are those of all its entries. After and OldestFirst mean nothing here.
	GroupList(ctx context.Context, q Query) ([]Group, error)

	// Transition moves an entry to another state if it still has the expected
	// version, writes an audit row, and returns it as it then stands. A lost
	// race returns *[ConflictError], a move that the state machine does not
	// allow *[StateError], a request that was carried out before an error that wraps
	// [ErrDuplicate].
	Transition(ctx context.Context, t Transition) (Entry, error)

	// Audit returns the changes of one entry or, with an empty key, of all entries,
	// groups and controls, newest first, at most limit.
	Audit(ctx context.Context, entryID string, limit int) ([]AuditRow, error)

	// Changes returns what changed since a cursor that an earlier call returned,
	// 0 meaning from the beginning. No committed change is ever skipped; some may
	// be reported twice.
	Changes(ctx context.Context, since int64) (Changes, error)

	CrashStore
	NoticeStore
	ControlStore
	Registry
}

// Registry is the part of a store that proves workers alive or dead.
type Registry interface {
	// Join registers a worker process under a new incarnation and takes a lock
	// that lives and dies with this process's connection (Postgres) or file
	// descriptor (SQLite).
	Join(ctx context.Context, w Worker) (Membership, error)

	// Workers returns the registered workers that did not leave, each proven
	// alive or dead by its lock, never by a timer alone.
	Workers(ctx context.Context) ([]Worker, error)

	// ClaimReplay claims the oldest unclaimed replaying entry of the subscription
	// for a living incarnation and returns it with its payload; its Replays is
	// raised by one. Exactly one caller gets it. It returns an error wrapping
	// [ErrNotFound] when there is none, and [ErrNoWorker] when the incarnation
	// is not registered, left or was found dead.
	ClaimReplay(ctx context.Context, subscription, incarnation string) (Entry, error)

	// ReapWorkers marks workers whose lock is free as dead and holds again what
	// they were replaying, with an audit row that says so. It returns the dead.
	//
	// One whose last snapshot is not empty was running something: with it a
	// [DeathReport] is stored in the same transaction, as by AddCrash. Whoever
	// found its body knows more than its snapshot does, so it is marked only when it
	// was not heard of for [ReportAfter]; until then only its replays are held again.
	// Where such a report came since it was last heard of, it is marked without
	// another one: the lock may become free a moment after the report.
	ReapWorkers(ctx context.Context) ([]Worker, error)
}

// Membership is a worker's registration.
type Membership interface {
	// Incarnation is the registration's unique id.
	Incarnation() string
	// Lost is closed when the lock may be gone. The worker must then stop its
	// replays and join again; results under this incarnation are refused.
	Lost() <-chan struct{}
	// Heartbeat tells the store that the worker is well and, where the lock
	// rests on a connection, checks that it still does. An error wrapping
	// [ErrNoWorker] means that the registration has ended: join again.
	Heartbeat(ctx context.Context) error
	// Snapshot stores what the worker is running, in place of what it stored
	// before. A store beside which no worker can be without its state directory
	// keeps nothing. An error wrapping [ErrNoWorker] means that the registration has
	// ended.
	Snapshot(ctx context.Context, running []handlers.Running) error
	// Confirm stores that the worker has done what the controls of a version say, and
	// what that is for each of its subscriptions, in place of what it confirmed before.
	// An error wrapping [ErrNoWorker] means that the registration has ended.
	Confirm(ctx context.Context, version int64, obeyed map[string]handlers.Obeyed) error
	// Leave ends the registration with a tombstone: a clean end, not a death. What
	// the worker still claims is given back, as by Unclaim.
	Leave(ctx context.Context) error
}

// AttemptRecord is one attempt of one message.
type AttemptRecord struct {
	Subscription string
	MessageID    string
	Identity     [32]byte
	Attempt      handlers.Attempt
}

// HoldResult is what HoldEntries did with one entry.
type HoldResult struct {
	Entry   Entry
	Created bool
}

// EntryKey names one entry by the first field that is not empty.
type EntryKey struct {
	// ID is the entry's UUID.
	ID string
	// Ref is a reference or a unique prefix of one, in any case, with or without
	// "Q-". An exact match wins over longer references.
	Ref string
	// Identity is the unique key of a message.
	Identity [32]byte
	// MessageID is a broker's message id; ambiguous where two entries have it.
	MessageID string
}

// GetOptions chooses what EntryGet loads.
type GetOptions struct {
	// Payload loads Message.Data.
	Payload bool
}

// Query selects entries. Zero fields select all. Fields are joined by and.
type Query struct {
	Subscription string
	// Group is a group's reference, a unique prefix of one, or a fingerprint.
	Group string
	// States and Reasons select any of the listed ones; empty means all.
	States  []State
	Reasons []handlers.Reason
	// Where and Text select entries whose Where, or whose title or error texts,
	// contain the words, ignoring ASCII case.
	Where, Text string
	Build       string
	// Since and Until bound HeldAt: Since <= HeldAt < Until.
	Since, Until time.Time
	// LargerThan selects payloads of more bytes; MinReplays at least as many runs.
	LargerThan int64
	MinReplays int
	// Limit bounds the page, default 30, at most 1000. After continues a listing
	// below the entry of that number.
	Limit int
	After int64
	// OldestFirst turns the order round.
	OldestFirst bool
}

// EntryPage is one page of a listing.
type EntryPage struct {
	Entries []Entry
	// Total is how many match in all, counted up to 10,000; TotalCapped reports
	// that there are more.
	Total       int
	TotalCapped bool
	// Next continues the listing as Query.After, 0 at its end.
	Next int64
}

// Transition is a change of an entry's state.
type Transition struct {
	// EntryID is the entry, Version the version that the caller saw.
	EntryID string
	Version int64
	// To is the new state. A transition from replaying to replaying is allowed
	// with Unclaim: it gives a claim back, lowers Replays by the one that the
	// claim added, since nothing ran, and leaves Decided as it stands.
	To      State
	Unclaim bool
	// Claim, if not empty, must be the incarnation that claims the entry now.
	Claim string
	// Alone, on the way to replaying: it is to run alone. See [Entry].Alone.
	Alone bool
	// Decision says who and why; its At is given by the store.
	Decision Decision
	// Attempt, if not nil, is the run that ended the replay and is stored too.
	Attempt *handlers.Attempt
	// Request, if not empty, is unique to this act: a second one with the same is not
	// carried out and returns an error wrapping [ErrDuplicate]. At most 200 bytes.
	Request string
}

// AuditRow is one recorded change, of an entry or, with a Verb, of a group or, with a
// Control, of the flow of messages.
type AuditRow struct {
	// N numbers all rows of a store, rising in the order in which they were written
	// to one entry or group.
	N int64
	// EntryID is empty for a group and a control; Ref is the reference of the entry or
	// group, the subscription that was paused or resumed, or the level of a shed.
	EntryID, Ref string
	From, To     State
	Version      int64
	Decision     Decision
	// Verb is what was done to a group, Control what to the flow of messages, Until the
	// end of a snooze or control. Denied is what somebody asked for who may not do it; then
	// nothing was done.
	Verb    GroupVerb
	Control ControlVerb
	Denied  string
	Until   time.Time
}

// Changes is what happened since a cursor.
type Changes struct {
	// Cursor is for the next call.
	Cursor int64
	// More: call again at once, there is more than one batch.
	More bool
	// Marks are the standings of messages that changed.
	Marks []Mark
	// Replays are the subscriptions that have an unclaimed replay now.
	Replays []string
}

// Mark is the standing of one message.
type Mark struct {
	Subscription, MessageID string
	// Standing is StandingDecided for a message that is held or succeeded alone,
	// else StandingFailing or StandingNew. Where several messages have the id it is
	// the strongest.
	Standing handlers.Standing
	// Suspect: a message of that id waits to run alone.
	Suspect bool
}

// Worker is one worker process.
type Worker struct {
	// Incarnation is unique to one run of one process.
	Incarnation string
	// Name, Host and Build describe it; PID is its process id on its host.
	Name, Host, Build string
	PID               int
	// Subscriptions are those that it serves.
	Subscriptions []string
	// Started and Heard are by the store's clock.
	Started, Heard time.Time
	// Alive reports that its lock is held.
	Alive bool
	// Controls is the version of the controls that it has confirmed, 0 for none, and
	// Obeyed what that means for each of its subscriptions.
	Controls int64
	Obeyed   map[string]handlers.Obeyed
}
