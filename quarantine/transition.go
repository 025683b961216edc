package quarantine

import (
	"fmt"
	"slices"
	"time"

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
