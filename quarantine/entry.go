package quarantine

import (
	"time"

	"github.com/theriac/theriac/handlers"
)

// Entry is a quarantined message. Texts and bytes in it come from outside and
// are hostile wherever they are shown.
type Entry struct {
	// ID is a UUIDv7. Ref is the short reference shown to people ("Q-7F3K").
	ID, Ref string
	// Seq is the number of the entry in its store, from 1; Ref is made of it and
	// lists are ordered by it.
	Seq int64
	// Subscription is the stream that the message came from.
	Subscription string
	// Message is what was received. Data is nil unless it was asked for.
	Message handlers.Message
	// Size is the number of payload bytes, SHA256 their digest.
	Size   int64
	SHA256 [32]byte
	// Degraded: some evidence could not be stored in full; the message could. A
	// store derives nothing from the bytes of such an entry, searchable copies
	// of its attributes included.
	Degraded bool

	// Reason and Confidence are the verdict.
	Reason     handlers.Reason
	Confidence handlers.Confidence
	// Fingerprint identifies the group; Group is the group's reference ("G-9C1E").
	Fingerprint, Group string
	// Title is what happened in one line; Where the first frame that is ours
	// ("billing.Apply.func1 handler.go:118"), or ""; Hint is for the operator.
	Title, Where, Hint string
	// Errors is the error chain of the deciding attempt, outermost first.
	Errors []handlers.ErrorLink
	// Build is the version of the program that decided it.
	Build string

	// Totals are the counters when it was held.
	Totals handlers.Totals
	// Attempts are the recorded attempts, newest first, at most 50. They are
	// loaded by EntryGet only.
	Attempts []handlers.Attempt

	// HeldAt is when it was first held, ChangedAt when it last changed, both by
	// the store's clock.
	HeldAt, ChangedAt time.Time
	// State is where it stands; Version rises by one with every change.
	State   State
	Version int64
	// Decided tells the last change that a person or the system made, zero if
	// there was none.
	Decided Decision
	// Replays counts the runs after it was held. Claim is the incarnation of the
	// worker that runs it now, or "".
	Replays int
	Claim   string
	// Alone: its replay was asked to run alone, where there is a ward.
	Alone bool
	// CrashReports are the references of the deaths in which its message had to run
	// alone, newest first, at most 50. They are loaded by EntryGet only.
	CrashReports []string
}

// Decision is who changed an entry, when, why and from where.
type Decision struct {
	Actor  Actor
	At     time.Time
	Reason string
}

// Actor is who acts.
type Actor struct {
	// Name is a person ("ana@laptop") or a part of the system ("worker w-1").
	Name string
	// Via is the surface: "cli", "web", "slack" or "system".
	Via string
	// Claimed: nobody checked the name.
	Claimed bool
}

// NewEntry is an entry as the service hands it to a store. The store gives it
// its number, reference, times, state and version.
type NewEntry struct {
	// Entry carries all fields above except those that the store gives.
	Entry Entry
	// Identity is [Identity] of the subscription and message: the unique key.
	Identity [32]byte
	// Attempt is the deciding attempt; it is stored with the entry unless it was
	// recorded before.
	Attempt handlers.Attempt
	// AttemptRecorded: RecordAttempts has stored Attempt already, or will when
	// the spool is ingested; the store must not count it again.
	AttemptRecorded bool
	// Basis are the texts that Entry.Fingerprint was made of. The first entry of
	// a group gives it to the group.
	Basis []string
}

// Group is all entries of one fingerprint.
type Group struct {
	// Ref is the group's reference ("G-9C1E"), Fingerprint its key.
	Ref, Fingerprint string
	// Subscription, Title, Where and Reason are those of its first entry.
	Subscription, Title, Where string
	Reason                     handlers.Reason
	// Counts is the number of entries by state; states without one are absent.
	Counts map[State]int64
	// First and Last are when entries of the group were held.
	First, Last time.Time
	// Builds are the versions seen, oldest first, at most 10.
	Builds []string
	// Basis says why two entries are one group: the texts that were hashed.
	Basis []string
	// Changes rises with everything that people see of the group; see [NoticeStore].
	Changes int64
	// Version rises with every [GroupAct].
	Version int64
	// Taken says who looks after the group, zero if nobody does.
	Taken Decision
	// SnoozedUntil is until when it is to be quiet, zero or past if it is not.
	SnoozedUntil time.Time
	// Acted is the last act of a person on the group.
	Acted Decision
}

// IsTaken reports whether somebody looks after the group.
func (g Group) IsTaken() bool { return g.Taken.Actor.Name != "" }

// IsSnoozed reports whether the group is to be quiet now.
func (g Group) IsSnoozed(now time.Time) bool { return g.SnoozedUntil.After(now) }
