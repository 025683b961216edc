package quarantine

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/theriac/theriac/handlers"
)

// The rules that all stores share. They are pure: a store reads under a lock,
// asks them, and writes what they answer.

// Limits that all stores keep.
const (
	// AttemptsKept is how many attempts are kept per message; the newest win.
	AttemptsKept = 50
	// CountCap is where counting the matches of a query ends.
	CountCap = 10_000
	// BuildsKept is how many versions a group remembers; the newest win.
	BuildsKept = 10
	// CrashesShown is how many crash reports an entry names.
	CrashesShown = 50
	// ReportAfter is how long a dead worker was not heard of before its snapshot
	// is taken for the best evidence of its death.
	ReportAfter = 3 * time.Second
)

// Count returns the totals after an attempt with the given outcome.
func Count(t handlers.Totals, o handlers.Outcome) handlers.Totals {
	switch {
	case o == handlers.OutcomeOK:
		return handlers.Totals{}
	case o == handlers.OutcomeCrashed:
		t.Crashes++
	case o.IsFailure():
		t.Failures++
	}
	return t
}

// CrashedAt is the start, in ns, of a run that ended in a death: what tells one
// death of a message from another. It is 0 for any other run.
func CrashedAt(a handlers.Attempt) int64 {
	if a.Outcome != handlers.OutcomeCrashed {
		return 0
	}
	return a.Started.UnixNano()
}

// Apply returns e as it stands after the transition, or the error that
// [Store.Transition] promises. now is the store's clock.
func (t Transition) Apply(e Entry, now time.Time) (Entry, error) {
	if e.Version != t.Version || (t.Claim != "" && t.Claim != e.Claim) {
		return Entry{}, &ConflictError{Entry: e}
	}
	refused := &StateError{Ref: e.Ref, From: e.State, To: t.To, Decided: e.Decided}
	if t.Unclaim {
		if e.State != StateReplaying || t.To != StateReplaying || e.Claim == "" {
			return Entry{}, refused
		}
		e.Replays-- // the claim raised it, and nothing ran
	} else {
		if !e.State.CanBecome(t.To) {
			return Entry{}, refused
		}
		e.State, e.Decided = t.To, t.Decision
		e.Alone = t.Alone && t.To == StateReplaying
		e.Decided.At = now
	}
	e.Claim = ""
	e.Version++
	e.ChangedAt = now
	return e, nil
}

// Claimed returns e as it stands after the incarnation claimed its replay.
func (e Entry) Claimed(incarnation string, now time.Time) Entry {
	e.Claim, e.ChangedAt = incarnation, now
	e.Replays++
	e.Version++
	return e
}

// DeathTransition is what happens to an entry that w was replaying when it died.
func DeathTransition(e Entry, w Worker) Transition {
	return Transition{
		EntryID: e.ID, Version: e.Version, To: StateHeld, Claim: w.Incarnation,
		Decision: systemDecision(fmt.Sprintf("worker %s (pid %d on %s) died while replaying it", w.Name, w.PID, w.Host)),
	}
}

// DeathReport is the report of a worker whose lock proves it dead and whose
// guardian left no record: all that is known are the messages of its last
// snapshot, and each may have been the cause. Its ID is made of the incarnation
// and the last sign of life, so that whoever finds the worker makes the same one.
func DeathReport(w Worker, running []handlers.Running, now time.Time) handlers.Crash {
	c := handlers.Crash{
		ID: deathID(w), Role: "worker", Incarnation: w.Incarnation, Host: w.Host, Build: w.Build, PID: w.PID,
		Started: w.Started, Died: now, Exit: "unknown", Kind: "unknown",
		Tier: "D", Reason: "found dead by its lock; its guardian left no record",
		Notes: []string{"last heard of at " + w.Heard.UTC().Format(time.RFC3339Nano)},
	}
	running = slices.SortedStableFunc(slices.Values(running), func(a, b handlers.Running) int { return a.Started.Compare(b.Started) })
	for _, r := range running {
		c.InFlight = append(c.InFlight, handlers.InFlight{
			Part: handlers.PartSuspect, Subscription: r.Subscription, ID: r.MessageID,
			PublishedAt: r.PublishedAt, Started: r.Started, Why: "it was running when the worker was last seen",
		})
	}
	return c
}

// deathID is a UUID that sorts by the last sign of life.
func deathID(w Worker) string {
	sum := sha256.Sum256([]byte("death of incarnation " + w.Incarnation))
	var id uuid.UUID
	copy(id[:], sum[:])
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(w.Heard.UnixMilli()))
	copy(id[:6], ms[2:])
	id[6] = id[6]&0x0f | 0x70 // version 7
	id[8] = id[8]&0x3f | 0x80 // variant
	return id.String()
}

// Overdue reports whether a dead worker with this snapshot is to be reported
// now, by the store's clock; see [Registry.ReapWorkers].
func Overdue(w Worker, running []handlers.Running, now time.Time) bool {
	return len(running) == 0 || now.Sub(w.Heard) >= ReportAfter
}

// LeaveTransition is what happens to an entry that w had claimed when it left:
// another worker may run it.
func LeaveTransition(e Entry, w Worker) Transition {
	return Transition{
		EntryID: e.ID, Version: e.Version, To: StateReplaying, Unclaim: true, Claim: w.Incarnation,
		Decision: systemDecision(fmt.Sprintf("worker %s left", w.Name)),
	}
}

func systemDecision(reason string) Decision {
	return Decision{Actor: Actor{Name: "theriac", Via: "system"}, Reason: reason}
}

// AddBuild returns a group's versions, oldest first, after an entry of one more
// came; an entry that does not know its version, "", adds none.
func AddBuild(builds []string, build string) []string {
	if build == "" || slices.Contains(builds, build) {
		return builds
	}
	builds = append(builds[:len(builds):len(builds)], build)
	return builds[max(0, len(builds)-BuildsKept):]
}

// PageSize is the limit of a page: the default where none is asked for, and
// never above 1000.
func (q Query) PageSize() int {
	if q.Limit <= 0 {
		return 30
	}
	return min(q.Limit, 1000)
}
