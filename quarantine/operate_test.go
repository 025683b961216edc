package quarantine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

func TestEntryReplay_Refusals(t *testing.T) {
	t.Parallel()
	store := newScript()
	s := newService(t, store, quarantine.Config{})
	e := held(t, s, "m-1")
	byAna := quarantine.ReplayParams{Decision: quarantine.Decision{Actor: ana}}

	_, err := s.EntryReplay(t.Context(), e, byAna)
	if !errors.Is(err, quarantine.ErrNoWorker) || !strings.Contains(err.Error(), "orders") || kind(err) != "still running" {
		t.Errorf("without a worker: %v (%s), want ErrNoWorker naming orders", err, kind(err))
	}
	if _, err := store.Join(t.Context(), quarantine.Worker{Name: "other", Subscriptions: []string{"users"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.EntryReplay(t.Context(), e, byAna); !errors.Is(err, quarantine.ErrNoWorker) {
		t.Errorf("with a worker of another subscription: %v", err)
	}
	if now := get(t, s, quarantine.EntryKey{ID: e.ID}); now.State != quarantine.StateHeld || now.Version != e.Version {
		t.Errorf("a refused replay changed it: %s, version %d", now.State, now.Version)
	}
	if _, err := store.Join(t.Context(), worker()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.EntryReplay(t.Context(), e, quarantine.ReplayParams{}); !errors.Is(err, quarantine.ErrInvalid) {
		t.Errorf("by nobody: %v", err)
	}
	often := e
	often.Replays = quarantine.ReplaysFree
	if _, err := s.EntryReplay(t.Context(), often, byAna); !errors.Is(err, quarantine.ErrRefused) || kind(err) != "refused" {
		t.Errorf("the fourth: %v", err)
	}
	byAna.Force = true
	now, err := s.EntryReplay(t.Context(), often, byAna)
	if err != nil || now.State != quarantine.StateReplaying {
		t.Errorf("the fourth with force: %s, %v", now.State, err)
	}
	if _, err := s.EntryReplay(t.Context(), now, byAna); kind(err) != "refused" {
		t.Errorf("while it is replaying: %v", err)
	}
	_, err = s.EntryReplay(t.Context(), e, byAna)
	if conflict, ok := errors.AsType[*quarantine.ConflictError](err); !ok || conflict.Entry.Decided.Actor != ana {
		t.Errorf("from a stale page: %v, want a conflict that names ana", err)
	}
}

func TestEntryDiscardAndRestore(t *testing.T) {
	t.Parallel()
	s := newService(t, newScript(), quarantine.Config{})
	e := held(t, s, "m-1")
	for name, d := range map[string]quarantine.Decision{
		"no reason":    {Actor: ana},
		"blank reason": {Actor: ana, Reason: " \n"},
		"no author":    {Reason: "test order"},
		"huge reason":  {Actor: ana, Reason: strings.Repeat("x", 10_000)},
	} {
		if _, err := s.EntryDiscard(t.Context(), e, d); !errors.Is(err, quarantine.ErrInvalid) || kind(err) != "invalid" {
			t.Errorf("discard with %s: %v", name, err)
		}
	}
	why := quarantine.Decision{Actor: ana, Reason: "test order"}
	if _, err := s.EntryRestore(t.Context(), e, why); kind(err) != "refused" {
		t.Errorf("restore of a held entry: %v", err)
	}
	gone, err := s.EntryDiscard(t.Context(), e, why)
	if err != nil || gone.State != quarantine.StateDiscarded || gone.Decided.Reason != "test order" || gone.Version != e.Version+1 {
		t.Fatalf("%+v, %v", gone.Decided, err)
	}
	if got := standing(t, s, message("m-1")); got != handlers.StandingDecided {
		t.Errorf("a discarded message stands at %v", got)
	}
	if _, err := s.EntryDiscard(t.Context(), e, why); kind(err) != "conflict" {
		t.Errorf("discard from a stale page: %v", err)
	}
	back, err := s.EntryRestore(t.Context(), gone, quarantine.Decision{Actor: ana})
	if err != nil || back.State != quarantine.StateHeld {
		t.Errorf("restore: %s, %v", back.State, err)
	}
	rows, err := s.Audit(t.Context(), e.ID, 10)
	if err != nil {
		t.Fatal(err)
	}
	var moves []string
	for _, r := range rows {
		moves = append(moves, fmt.Sprintf("%s to %s", r.From, r.To))
	}
	if diff := cmp.Diff([]string{"discarded to held", "held to discarded"}, moves); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

func TestEntryReplayWait_NobodyClaims_IsHeldAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		m, err := store.Join(t.Context(), worker())
		if err != nil {
			t.Fatal(err)
		}
		s := newService(t, store, quarantine.Config{})
		e := replay(t, s, held(t, s, "m-1"))
		time.AfterFunc(time.Minute, func() { store.Kill(m) })
		begin := time.Now()
		now, err := s.EntryReplayWait(t.Context(), e, 100*time.Millisecond)
		if !errors.Is(err, quarantine.ErrNoWorker) || now.State != quarantine.StateHeld {
			t.Errorf("%s, %v, want held and ErrNoWorker", now.State, err)
		}
		if took := time.Since(begin); took < time.Minute || took > 2*time.Minute {
			t.Errorf("took %s: it must wait while a worker lives, and not long after", took)
		}
	})
}

func TestEntryReplayWait_ClaimantDies_IsHeldAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		m, err := store.Join(t.Context(), worker())
		if err != nil {
			t.Fatal(err)
		}
		s := newService(t, store, quarantine.Config{})
		e := replay(t, s, held(t, s, "m-1"))
		if _, err := store.ClaimReplay(t.Context(), "orders", m.Incarnation()); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Minute, func() { store.Kill(m) })
		now, err := s.EntryReplayWait(t.Context(), e, 0)
		if !errors.Is(err, quarantine.ErrNoWorker) || now.State != quarantine.StateHeld || now.Claim != "" {
			t.Errorf("%s, claim %q, %v", now.State, now.Claim, err)
		}
	})
}

func TestEntryReplayWait_SurvivesAStoreThatIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		s := newService(t, store, quarantine.Config{Worker: worker()})
		run(t, s)
		synctest.Wait()
		e := replay(t, s, held(t, s, "m-1"))
		store.Fail(errAway)
		time.AfterFunc(time.Minute, func() {
			store.Fail(nil)
			handler(t, s, func(handlers.Replay) handlers.Outcome { return handlers.OutcomeOK })
		})
		now, err := s.EntryReplayWait(t.Context(), e, 0)
		if err != nil || now.State != quarantine.StateReplayed {
			t.Errorf("%s, %v", now.State, err)
		}
	})
}

func TestGroupGet(t *testing.T) {
	t.Parallel()
	s := newService(t, newScript(), quarantine.Config{})
	e := held(t, s, "m-1")
	for _, key := range []string{e.Group, strings.ToLower(e.Group), strings.TrimPrefix(e.Group, "G-"), e.Group[:4], e.Fingerprint} {
		g, err := s.GroupGet(t.Context(), key)
		if err != nil || g.Ref != e.Group || len(g.Basis) == 0 || g.Counts[quarantine.StateHeld] != 1 {
			t.Errorf("GroupGet(%q) = %+v, %v", key, g, err)
		}
	}
	if _, err := s.GroupGet(t.Context(), "G-ZZZZ"); !errors.Is(err, quarantine.ErrNotFound) {
		t.Errorf("no such group: %v", err)
	}
}

func TestGroupReplay_StopsAtTheFirstThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, newScript(), quarantine.Config{Worker: worker()})
		run(t, s)
		synctest.Wait() // until it has joined
		var group string
		for i := range 6 {
			group = held(t, s, fmt.Sprint("m-", i)).Group
		}
		var order []string
		handler(t, s, func(r handlers.Replay) handlers.Outcome {
			order = append(order, r.Message.ID)
			if len(order) == 1 {
				held(t, s, "late") // not in the frozen set
			}
			if r.Message.ID == "m-3" {
				return handlers.OutcomePanicked
			}
			return handlers.OutcomeOK
		})
		var told []string
		res, err := s.GroupReplay(t.Context(), group, quarantine.ReplayParams{Decision: quarantine.Decision{Actor: ana, Reason: "fixed"}},
			func(e quarantine.Entry, err error) { told = append(told, fmt.Sprintf("%s %v", e.State, err)) })
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"m-0", "m-1", "m-2", "m-3"}, order); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		if res.Selected != 6 || res.Done != 3 || res.Left() != 2 || res.Stopped.State != quarantine.StateHeld || res.Stopped.Replays != 1 {
			t.Errorf("%+v, left %d", res, res.Left())
		}
		if diff := cmp.Diff([]string{"replayed <nil>", "replayed <nil>", "replayed <nil>", "held <nil>"}, told); diff != "" {
			t.Errorf("progress (-want +got):\n%s", diff)
		}
	})
}

func TestGroupReplay_LeavesOutAndSkips(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, newScript(), quarantine.Config{Worker: worker()})
		run(t, s)
		synctest.Wait() // until it has joined
		tired, _ := held(t, s, "tired"), held(t, s, "canary")
		other := held(t, s, "other")
		well := false
		handler(t, s, func(r handlers.Replay) handlers.Outcome {
			switch {
			case r.Message.ID == "tired" && !well:
				return handlers.OutcomeFailed
			case r.Message.ID == "canary":
				if _, err := s.EntryDiscard(t.Context(), other, quarantine.Decision{Actor: ana, Reason: "meanwhile"}); err != nil {
					t.Error(err)
				}
			}
			return handlers.OutcomeOK
		})
		for range quarantine.ReplaysFree {
			e, err := s.EntryReplayWait(t.Context(), replay(t, s, get(t, s, quarantine.EntryKey{ID: tired.ID})), 0)
			if err != nil || e.State != quarantine.StateHeld {
				t.Fatalf("%s, %v", e.State, err)
			}
		}
		well = true
		group := held(t, s, "last").Group
		params := quarantine.ReplayParams{Decision: quarantine.Decision{Actor: ana, Reason: "fixed"}}
		res, err := s.GroupReplay(t.Context(), group, params, nil)
		if err != nil || res.LeftOut != 1 || res.Selected != 3 || res.Done != 2 || res.Skipped != 1 || res.Left() != 0 {
			t.Errorf("%+v, %v", res, err)
		}
		params.Force = true
		if res, err := s.GroupReplay(t.Context(), group, params, nil); err != nil || res.Done != 1 || res.LeftOut != 0 {
			t.Errorf("with force: %+v, %v", res, err)
		}
		if _, err := s.GroupReplay(t.Context(), group, quarantine.ReplayParams{Decision: quarantine.Decision{Actor: ana}}, nil); !errors.Is(err, quarantine.ErrInvalid) {
			t.Errorf("without a reason: %v", err)
		}
	})
}

func TestGroupReplay_NoWorker_TouchesNothing(t *testing.T) {
	t.Parallel()
	s := newService(t, newScript(), quarantine.Config{})
	e := held(t, s, "m-1")
	res, err := s.GroupReplay(t.Context(), e.Group, quarantine.ReplayParams{Decision: quarantine.Decision{Actor: ana, Reason: "fixed"}}, nil)
	if !errors.Is(err, quarantine.ErrNoWorker) || res.Left() != 1 {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestGroupDiscard_MoreThanAPage(t *testing.T) {
	t.Parallel()
	s := newService(t, newScript(), quarantine.Config{})
	var group string
	const n = 1003
	for i := range n {
		ref, err := s.Quarantine(t.Context(), "orders", message(fmt.Sprint("m-", i)), failure(1))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			group = get(t, s, quarantine.EntryKey{Ref: ref}).Group
		}
	}
	res, err := s.GroupDiscard(t.Context(), group, quarantine.Decision{Actor: ana, Reason: "test orders"}, nil)
	if err != nil || res.Done != n || res.Left() != 0 {
		t.Errorf("%+v, %v", res, err)
	}
	if _, err := s.GroupDiscard(t.Context(), group, quarantine.Decision{Actor: ana}, nil); !errors.Is(err, quarantine.ErrInvalid) {
		t.Errorf("without a reason: %v", err)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		s := newService(t, store, quarantine.Config{Worker: worker()})
		run(t, s)
		synctest.Wait() // until it has joined
		synctest.Wait()
		empty, err := s.Status(t.Context())
		if err != nil || empty.Held != 0 || len(empty.Subscriptions) != 1 || empty.Subscriptions[0].Workers != 1 {
			t.Errorf("%+v, %v", empty, err)
		}
		begin := time.Now().UTC()
		for i := range 7 {
			held(t, s, fmt.Sprint("m-", i))
			<-time.After(time.Second)
		}
		gone, err := s.EntryDiscard(t.Context(), get(t, s, quarantine.EntryKey{MessageID: "m-0"}), quarantine.Decision{Actor: ana, Reason: "test order"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Quarantine(t.Context(), "nudges", message("n-1"), failure(1)); err != nil {
			t.Fatal(err)
		}
		st, err := s.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := []quarantine.SubscriptionStatus{
			{Name: "orders", Counts: map[quarantine.State]int64{quarantine.StateHeld: 6, quarantine.StateDiscarded: 1}, OldestHeld: begin.Add(time.Second), Workers: 1},
			{Name: "nudges", Counts: map[quarantine.State]int64{quarantine.StateHeld: 1}, OldestHeld: begin.Add(7 * time.Second)},
		}
		if diff := cmp.Diff(want, st.Subscriptions); diff != "" {
			t.Errorf("subscriptions (-want +got):\n%s", diff)
		}
		if st.Held != 7 || st.HeldGroups != 2 || st.Capped || !st.OldestHeld.Equal(begin.Add(time.Second)) || len(st.LastHeld) != 5 {
			t.Errorf("%+v", st)
		}
		if len(st.LastOperations) != 1 || st.LastOperations[0].Ref != gone.Ref || len(st.Workers) != 1 {
			t.Errorf("operations %+v, workers %+v", st.LastOperations, st.Workers)
		}
		store.Fail(errAway)
		if _, err := s.Status(t.Context()); kind(err) != "unavailable" {
			t.Errorf("with the store away: %v", err)
		}
	})
}
