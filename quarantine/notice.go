package quarantine

import (
	"context"
	"fmt"
	"time"
)

// NoticeStore is the part of a store that says what people were not told yet.
//
// Every change that people see of a group raises its Changes in the transaction
// that makes it: an entry that is held, moves or is held again, a take, a snooze. Whoever
// tells people (a notifier) compares that with what was told last. So nothing
// is told that did not happen, nothing that happened is forgotten, and a storm of
// changes is one thing to tell.
type NoticeStore interface {
	// LeadNotices makes holder the one notifier of the store for the given time, or
	// renews that. It reports false while somebody else is. A time of 0 gives it up,
	// so that the next one need not wait, and reports false. A holder is 1 to 200
	// bytes, and nobody else's.
	LeadNotices(ctx context.Context, holder string, lasts time.Duration) (bool, error)

	// NoticesDue returns the notices of groups of which something was not told,
	// those first whose oldest untold change is oldest, at most limit (default 100, at
	// most 1000). A group is due as long as its Changes is above what was told.
	// Groups that stood before their store could keep notices are due from their
	// next change on.
	NoticesDue(ctx context.Context, limit int) ([]Notice, error)

	// NoticeGet returns the notice of one key, as it was last put; it returns an
	// error wrapping [ErrNotFound] when there is none. Of a group it returns a notice
	// in any case.
	NoticeGet(ctx context.Context, key string) (Notice, error)

	// PutNotices stores what the notifier did, in one transaction, all or none. It
	// returns an error wrapping [ErrClaimLost] when holder is not the notifier any
	// more: then nothing is stored, and the caller stops telling. A change that came
	// since the notice was read stays due; of such a group nobody knows when the
	// oldest untold change was, so it is taken to be as old as this call.
	PutNotices(ctx context.Context, holder string, told []ToldNotice) error

	// NoticeStats says how far telling is behind.
	NoticeStats(ctx context.Context) (NoticeStats, error)

	// GroupAct lets a person take a group, give it back or quiet it, if it still has
	// the expected version, and writes an audit row. It returns the group as it then
	// stands, *[GroupConflictError] when somebody acted first, and an error wrapping
	// [ErrDuplicate] for a request that was carried out before.
	GroupAct(ctx context.Context, a GroupAct) (Group, error)

	// GroupAudit returns the changes of a group and of its entries with a number
	// above after, oldest first, at most limit (default 100, at most 1000). A row of
	// one group never appears below one that was returned before.
	GroupAudit(ctx context.Context, group string, after int64, limit int) ([]AuditRow, error)

	// AuditRefusal notes that somebody asked for what they may not do, in an audit row
	// that neither Audit nor GroupAudit returns: nothing changed. Of the same person, deed
	// and subject the first row of a day is kept, and about [RefusalsMax] of all; what is
	// above that is left out without an error.
	AuditRefusal(ctx context.Context, r Refusal) error

	// Refusals returns those rows, newest first, at most limit (default 100, at most
	// 1000).
	Refusals(ctx context.Context, limit int) ([]AuditRow, error)
}

// Notice is what people are to be told about a group, and how far they were.
type Notice struct {
	// Key is [GroupNotice] of the group's fingerprint, or any other key that a
	// notifier put: 1 to 200 bytes.
	Key string
	// Group is the group as it stands, zero where Key names none.
	Group Group
	// Latest is the group's newest entry, without payload and attempts.
	Latest Entry
	// Waiting is when the oldest change that was not told happened, by the store's
	// clock; zero when all was told.
	Waiting time.Time
	// ToldNotice is what was put last; its Told is 0 before.
	ToldNotice
}

// ToldNotice is what a notifier remembers of a notice.
type ToldNotice struct {
	// Key is the notice's.
	Key string
	// Told is the Changes of the group that people know of, never more than it has.
	Told int64
	// AuditTold is the number of the last audit row that people know of; see
	// [NoticeStore.GroupAudit].
	AuditTold int64
	// At is when that was, by the store's clock; PutNotices sets it when Told or State
	// changes.
	At time.Time
	// State is the notifier's own: where the message is and what it shows, at most
	// 8 KiB.
	State []byte
	// Trouble is why people could not be told, "" if they were. At most 1,000 bytes
	// of it are kept.
	Trouble string
}

// GroupNotice is the key of a group's notice.
func GroupNotice(fingerprint string) string { return "group:" + fingerprint }

// NoticeStats is how far telling is behind.
type NoticeStats struct {
	// Due is how many notices wait.
	Due int
	// Oldest is when the oldest change that was not told happened, zero if all was.
	Oldest time.Time
	// Holder is the notifier, "" if there is none now. Led is when a notifier last
	// took or renewed its lead, zero if there never was one.
	Holder string
	Led    time.Time
	// Troubled is how many of the due notices could not be told when that was tried
	// last, Trouble the newest reason.
	Troubled int
	Trouble  string
}

// GroupVerb is what a person does to a group.
type GroupVerb string

// The verbs.
const (
	// GroupTake says that somebody looks after the group; whoever sees who has it may
	// take it over. GroupRelease says that nobody does any more, and ends a snooze
	// too: nobody would know of what stays quiet.
	GroupTake    GroupVerb = "take"
	GroupRelease GroupVerb = "release"
	// GroupSnooze quiets the group until a time, and takes it if nobody has it.
	GroupSnooze GroupVerb = "snooze"
)

// GroupAct is one act of a person on a group.
type GroupAct struct {
	// Group is the group's reference or fingerprint, Version the one that the caller
	// saw.
	Group   string
	Version int64
	Verb    GroupVerb
	// Until ends a snooze, by the store's clock: after now, at most [SnoozeMax] ahead.
	Until time.Time
	// Decision says who and why; its At is given by the store.
	Decision Decision
	// Request, if not empty, is unique to this act: a second act with the same is
	// not carried out. At most 200 bytes.
	Request string
}

// GroupConflictError says that somebody else acted first.
type GroupConflictError struct {
	// Group is the group as it stands now; Group.Acted says who acted and when.
	Group Group
}

// Error says who acted, what and when.
func (e *GroupConflictError) Error() string {
	d := e.Group.Acted
	if d.Actor.Name == "" {
		return fmt.Sprintf("group %s changed meanwhile (version %d)", e.Group.Ref, e.Group.Version)
	}
	return fmt.Sprintf("group %s changed meanwhile: %s acted at %s (version %d)",
		e.Group.Ref, d.Actor.Name, d.At.UTC().Format(time.RFC3339), e.Group.Version)
}

// ProblemKind returns "conflict".
func (e *GroupConflictError) ProblemKind() string { return "conflict" }
