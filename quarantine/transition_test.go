package quarantine_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

func TestCount(t *testing.T) {
	t.Parallel()
	before := handlers.Totals{Failures: 3, Crashes: 1}
	for o, want := range map[handlers.Outcome]handlers.Totals{
		handlers.OutcomeOK:          {},
		handlers.OutcomeDeferred:    before,
		handlers.OutcomeInterrupted: before,
		handlers.OutcomeFailed:      {Failures: 4, Crashes: 1},
		handlers.OutcomePanicked:    {Failures: 4, Crashes: 1},
		handlers.OutcomeExited:      {Failures: 4, Crashes: 1},
		handlers.OutcomeTimedOut:    {Failures: 4, Crashes: 1},
		handlers.OutcomeCrashed:     {Failures: 3, Crashes: 2},
	} {
		if got := quarantine.Count(before, o); got != want {
			t.Errorf("%s: %+v, want %+v", o, got, want)
		}
	}
}

func TestApply_AllowsWhatTheStateMachineAllows(t *testing.T) {
	t.Parallel()
	now := time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC)
	allowed := []string{"held→replaying", "held→discarded", "replaying→replayed", "replaying→held", "discarded→held"}
	for _, from := range quarantine.States() {
		for _, to := range quarantine.States() {
			e := quarantine.Entry{ID: "id", Ref: "Q-1", State: from, Version: 4, Claim: "w"}
			got, err := quarantine.Transition{EntryID: "id", Version: 4, To: to,
				Decision: quarantine.Decision{Reason: "why"}}.Apply(e, now)
			if move := fmt.Sprintf("%s→%s", from, to); !slices.Contains(allowed, move) {
				if se, ok := errors.AsType[*quarantine.StateError](err); !ok || se.From != from || se.To != to {
					t.Errorf("%s: error %v, want a *StateError", move, err)
				}
				continue
			}
			want := e
			want.State, want.Version, want.Claim, want.ChangedAt = to, 5, "", now
			want.Decided = quarantine.Decision{Reason: "why", At: now}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s→%s: %v (-want +got)\n%s", from, to, err, diff)
			}
		}
	}
}

func TestApply_RefusesAStaleVersionAndAStrangersClaim(t *testing.T) {
	t.Parallel()
	e := quarantine.Entry{State: quarantine.StateReplaying, Version: 4, Claim: "w-1"}
	for name, tr := range map[string]quarantine.Transition{
		"stale":    {Version: 3, To: quarantine.StateHeld},
		"future":   {Version: 5, To: quarantine.StateHeld},
		"stranger": {Version: 4, To: quarantine.StateHeld, Claim: "w-2"},
	} {
		_, err := tr.Apply(e, time.Time{})
		if ce, ok := errors.AsType[*quarantine.ConflictError](err); !ok || ce.Entry.Version != 4 {
			t.Errorf("%s: error %v, want a *ConflictError with the entry", name, err)
		}
	}
}

func TestApply_UnclaimGivesBackWhatClaimedTook(t *testing.T) {
	t.Parallel()
	e := quarantine.Entry{State: quarantine.StateReplaying, Version: 2, Replays: 1,
		Decided: quarantine.Decision{Actor: quarantine.Actor{Name: "ana"}}}
	claimed := e.Claimed("w-1", time.Time{})
	if claimed.Replays != 2 || claimed.Version != 3 || claimed.Claim != "w-1" {
		t.Fatalf("claimed: %+v", claimed)
	}
	unclaim := quarantine.LeaveTransition(claimed, quarantine.Worker{Incarnation: "w-1", Name: "one"})
	got, err := unclaim.Apply(claimed, time.Time{})
	want := e
	want.Version = 4
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	unclaim.Version, unclaim.Claim = 4, ""
	if _, err := unclaim.Apply(got, time.Time{}); err == nil {
		t.Error("an entry that nobody claims was unclaimed")
	}
}

func TestAddBuild_KeepsTheNewestTen(t *testing.T) {
	t.Parallel()
	var builds []string
	for i := range 25 {
		builds = quarantine.AddBuild(builds, fmt.Sprint("v", i/2))
	}
	want := []string{"v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12"}
	if diff := cmp.Diff(want, builds); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
