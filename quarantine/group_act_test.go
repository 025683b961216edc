package quarantine_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/quarantine"
)

func groupOf(t *testing.T, s *quarantine.Service, e quarantine.Entry) quarantine.Group {
	t.Helper()
	g, err := s.GroupGet(t.Context(), e.Group)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGroupAct_TakeSnoozeRelease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, newScript(), quarantine.Config{})
		seen := groupOf(t, s, held(t, s, "m-1"))
		by := quarantine.Decision{Actor: ana, Reason: "mine"}
		now := time.Now().UTC()
		took := quarantine.Decision{Actor: ana, Reason: "mine", At: now}

		g, err := s.GroupTake(t.Context(), seen, by)
		if diff := cmp.Diff(took, g.Taken); err != nil || diff != "" || !g.IsTaken() {
			t.Errorf("taken: %v (-want +got)\n%s", err, diff)
		}
		g, err = s.GroupSnooze(t.Context(), g, now.Add(time.Hour), by)
		if err != nil || !g.IsSnoozed(now) || g.IsSnoozed(now.Add(time.Hour)) {
			t.Errorf("snoozed until %s, %v", g.SnoozedUntil, err)
		}
		_, err = s.GroupRelease(t.Context(), seen, by)
		conflict, ok := errors.AsType[*quarantine.GroupConflictError](err)
		if !ok || kind(err) != "conflict" || !strings.Contains(err.Error(), ana.Name+" acted at") {
			t.Fatalf("from a stale page: %v", err)
		}
		if diff := cmp.Diff(g, conflict.Group); diff != "" {
			t.Errorf("the group in the conflict (-want +got)\n%s", diff)
		}
		g, err = s.GroupRelease(t.Context(), g, by)
		if err != nil || g.IsTaken() || g.IsSnoozed(now) || g.Version != 3 {
			t.Errorf("released: %+v, %v", g, err)
		}
		if _, err := s.GroupRelease(t.Context(), g, by); !errors.Is(err, quarantine.ErrRefused) || kind(err) != "refused" {
			t.Errorf("released again: %v", err)
		}
		rows, err := s.GroupAudit(t.Context(), g.Ref, 1, 10)
		if err != nil || len(rows) != 2 || rows[0].Verb != quarantine.GroupSnooze || !rows[0].Until.Equal(now.Add(time.Hour)) ||
			rows[1].Verb != quarantine.GroupRelease {
			t.Errorf("the audit after the first row: %+v, %v", rows, err)
		}
	})
}

func TestGroupAct_Refusals(t *testing.T) {
	t.Parallel()
	s := newService(t, newScript(), quarantine.Config{})
	g := groupOf(t, s, held(t, s, "m-1"))
	by := quarantine.Decision{Actor: ana}
	for name, err := range map[string]error{
		"by nobody":     second(s.GroupTake(t.Context(), g, quarantine.Decision{})),
		"a huge reason": second(s.GroupTake(t.Context(), g, quarantine.Decision{Actor: ana, Reason: strings.Repeat("x", 2001)})),
		"to the past":   second(s.GroupSnooze(t.Context(), g, time.Now().Add(-time.Second), by)),
		"for ever":      second(s.GroupSnooze(t.Context(), g, time.Now().Add(2*quarantine.SnoozeMax), by)),
		"of no verb":    second(s.GroupAct(t.Context(), quarantine.GroupAct{Group: g.Ref, Verb: "burn\x1b", Decision: by})),
	} {
		if kind(err) != "invalid" || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now := groupOf(t, s, quarantine.Entry{Group: g.Ref}); now.Version != 0 || now.Changes != g.Changes {
		t.Errorf("what was refused changed it: %+v", now)
	}
}

func second[T any](_ T, err error) error { return err }

// TestRequests_AreCarriedOutOnce asks for each act twice, as somebody does who lost
// the answer.
func TestRequests_AreCarriedOutOnce(t *testing.T) {
	t.Parallel()
	store := newScript()
	s := newService(t, store, quarantine.Config{})
	e := held(t, s, "m-1")
	g := groupOf(t, s, e)
	by := quarantine.Decision{Actor: ana, Reason: "why"}
	if _, err := store.Join(t.Context(), worker()); err != nil {
		t.Fatal(err)
	}
	act := func(name string, do func(e quarantine.Entry) (quarantine.Entry, error)) {
		t.Helper()
		before := get(t, s, quarantine.EntryKey{ID: e.ID})
		after, err := do(before)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for page, seen := range map[string]quarantine.Entry{"the same page": before, "a new page": after} {
			if _, err := do(seen); !errors.Is(err, quarantine.ErrDuplicate) || kind(err) != "conflict" {
				t.Errorf("%s again from %s: %v, want ErrDuplicate", name, page, err)
			}
		}
		if now := get(t, s, quarantine.EntryKey{ID: e.ID}); now.Version != after.Version {
			t.Errorf("%s: version %d became %d", name, after.Version, now.Version)
		}
	}
	act("discard", func(e quarantine.Entry) (quarantine.Entry, error) {
		return s.EntryDiscardOnce(t.Context(), e, by, "click 1")
	})
	act("restore", func(e quarantine.Entry) (quarantine.Entry, error) {
		return s.EntryRestoreOnce(t.Context(), e, by, "click 2")
	})
	act("replay", func(e quarantine.Entry) (quarantine.Entry, error) {
		return s.EntryReplay(t.Context(), e, quarantine.ReplayParams{Decision: by, Request: "click 3"})
	})
	take := quarantine.GroupAct{Group: g.Ref, Verb: quarantine.GroupTake, Decision: by, Request: "click 4"}
	if _, err := s.GroupAct(t.Context(), take); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GroupAct(t.Context(), take); !errors.Is(err, quarantine.ErrDuplicate) {
		t.Errorf("take again: %v", err)
	}
	take.Request = "click 1"
	if _, err := s.GroupAct(t.Context(), take); !errors.Is(err, quarantine.ErrDuplicate) {
		t.Errorf("with the request of another act: %v", err)
	}
}

func TestRequests_MakeNoMoveThatTheVerbDoesNot(t *testing.T) {
	t.Parallel()
	store := newScript()
	s := newService(t, store, quarantine.Config{})
	if _, err := store.Join(t.Context(), worker()); err != nil {
		t.Fatal(err)
	}
	e := held(t, s, "m-1")
	by := quarantine.Decision{Actor: ana, Reason: "why"}
	if _, err := s.EntryRestoreOnce(t.Context(), e, by, "r 1"); kind(err) != "refused" {
		t.Errorf("restore of a held entry: %v", err)
	}
	running, err := s.EntryReplay(t.Context(), e, quarantine.ReplayParams{Decision: by})
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"restore": second(s.EntryRestoreOnce(t.Context(), running, by, "r 2")),
		"discard": second(s.EntryDiscardOnce(t.Context(), running, by, "r 3")),
		"replay":  second(s.EntryReplay(t.Context(), running, quarantine.ReplayParams{Decision: by, Request: "r 4"})),
	} {
		if _, ok := errors.AsType[*quarantine.StateError](err); !ok {
			t.Errorf("%s of a replaying entry: %v, want a *StateError", name, err)
		}
	}
	if now := get(t, s, quarantine.EntryKey{ID: e.ID}); now.State != quarantine.StateReplaying || now.Version != running.Version {
		t.Errorf("it is %s, version %d", now.State, now.Version)
	}
}
