package quarantine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
)

// crashOf is the report of a death in which these messages had to run alone.
func crashOf(id int, messages ...handlers.Message) handlers.Crash {
	c := handlers.Crash{
		ID: fmt.Sprintf("018f0000-0000-7000-8000-%012x", id), Role: "worker\x00", Host: "h-\xff", PID: 7,
		Started: started, Died: started.Add(time.Hour), Tier: "D", Reason: "no trace", Text: "boom\x00",
	}
	for _, m := range messages {
		c.InFlight = append(c.InFlight, handlers.InFlight{Part: handlers.PartSuspect, Subscription: "orders", ID: m.ID, PublishedAt: m.PublishedAt})
	}
	return c
}

func reportCrash(t testing.TB, s *quarantine.Service, c handlers.Crash) {
	t.Helper()
	if err := s.ReportCrash(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func settle(t testing.TB, s *quarantine.Service, m handlers.Message, f handlers.Fate) {
	t.Helper()
	if err := s.SettleSuspect(t.Context(), "orders", m, f); err != nil {
		t.Fatal(err)
	}
}

func TestDocket_StandingFollowsHereAtOnce(t *testing.T) {
	t.Parallel()
	for fate, want := range map[handlers.Fate]handlers.Standing{
		handlers.FateDone: handlers.StandingDecided, handlers.FateCleared: handlers.StandingNew,
		handlers.FateHeld: handlers.StandingFailing, // as long as there is no entry
	} {
		s := newService(t, newScript(), quarantine.Config{})
		m := message("m-1")
		reportCrash(t, s, crashOf(1, m))
		if got := standing(t, s, m); got != handlers.StandingSuspect {
			t.Errorf("after the report: %v", got)
		}
		settle(t, s, m, fate)
		if got := standing(t, s, m); got != want {
			t.Errorf("%s: %v, want %v", fate, got, want)
		}
	}
}

func TestDocket_StandingFollowsInOtherReplicas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		a, b := newService(t, store, quarantine.Config{}), newService(t, store, quarantine.Config{})
		before, done, cleared, held := message("before"), message("done"), message("cleared"), message("held")
		reportCrash(t, a, crashOf(1, before))
		run(t, b)
		if got := standing(t, b, before); got != handlers.StandingSuspect {
			t.Errorf("reported before Run, after Ready: %v", got)
		}
		reportCrash(t, a, crashOf(2, done, cleared, held))
		poll := func(what string, want map[string]handlers.Standing) {
			t.Helper()
			<-time.After(1100 * time.Millisecond)
			for id, want := range want {
				if got := standing(t, b, message(id)); got != want {
					t.Errorf("%s: %s is %v, want %v", what, id, got, want)
				}
			}
		}
		poll("reported elsewhere", map[string]handlers.Standing{"before": handlers.StandingSuspect, "done": handlers.StandingSuspect,
			"cleared": handlers.StandingSuspect, "held": handlers.StandingSuspect})
		settle(t, a, done, handlers.FateDone)
		settle(t, a, cleared, handlers.FateCleared)
		if _, err := a.Quarantine(t.Context(), "orders", held, failure(1)); err != nil {
			t.Fatal(err)
		}
		poll("settled elsewhere", map[string]handlers.Standing{"before": handlers.StandingSuspect, "done": handlers.StandingDecided,
			"cleared": handlers.StandingNew, "held": handlers.StandingDecided})
		reused := done
		reused.Data = []byte("another message with its id")
		if got := standing(t, b, reused); got != handlers.StandingFailing {
			t.Errorf("another message with the id of one that is done: %v", got)
		}
	})
}

// TestDocket_AReusedIdOfADecidedMessageCanBeSuspect: decided is by identity.
func TestDocket_AReusedIdOfADecidedMessageCanBeSuspect(t *testing.T) {
	t.Parallel()
	s := newService(t, newScript(), quarantine.Config{})
	m := message("m-1")
	settle(t, s, m, handlers.FateDone)
	reused := m
	reused.PublishedAt, reused.Data = m.PublishedAt.Add(time.Hour), []byte("another")
	reportCrash(t, s, crashOf(1, reused))
	if got := standing(t, s, reused); got != handlers.StandingSuspect {
		t.Errorf("the other message: %v", got)
	}
	if got := standing(t, s, m); got != handlers.StandingDecided {
		t.Errorf("the one that is done: %v", got)
	}
}

func TestReportCrash_StoreAway_SuspectHereAndReportedLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		s := newService(t, store, quarantine.Config{})
		run(t, s)
		m := message("m-1")
		store.Fail(errAway)
		if err := s.ReportCrash(t.Context(), crashOf(1, m)); !errors.Is(err, quarantine.ErrUnavailable) {
			t.Errorf("%v, want ErrUnavailable", err)
		}
		store.Fail(nil)
		if _, err := s.RecordAttempt(t.Context(), "orders", m, failure(1).Attempt); err != nil { // its mark knows of no suspicion
			t.Fatal(err)
		}
		<-time.After(3 * time.Second)
		if got := standing(t, s, m); got != handlers.StandingSuspect {
			t.Errorf("before the store has the report: %v", got)
		}
		reportCrash(t, s, crashOf(1, m))
		settle(t, s, m, handlers.FateCleared)
		reportCrash(t, s, crashOf(1, m)) // by a worker that does not know that it had
		if got := standing(t, s, m); got != handlers.StandingFailing {
			t.Errorf("reported again after it was cleared: %v", got)
		}
	})
}

func TestReportCrash_Invalid(t *testing.T) {
	t.Parallel()
	s := newService(t, newScript(), quarantine.Config{})
	if err := s.ReportCrash(t.Context(), handlers.Crash{ID: "x"}); !errors.Is(err, quarantine.ErrInvalid) {
		t.Errorf("an id that is no UUID: %v", err)
	}
	if err := s.SettleSuspect(t.Context(), "orders", message("m-1"), "pardoned"); !errors.Is(err, quarantine.ErrInvalid) {
		t.Errorf("a fate that does not exist: %v", err)
	}
}

// docketStore counts and may refuse what a docket writes.
type docketStore struct {
	*script
	mu       sync.Mutex
	settles  int
	settled  int
	refuse   func(c handlers.Crash) error
	fateHook func() error
}

func (s *docketStore) AddCrash(ctx context.Context, c handlers.Crash) (quarantine.CrashReport, error) {
	if s.refuse != nil {
		if err := s.refuse(c); err != nil {
			return quarantine.CrashReport{}, err
		}
	}
	return s.script.AddCrash(ctx, c)
}

func (s *docketStore) SettleSuspects(ctx context.Context, batch []quarantine.SuspectFate) error {
	s.mu.Lock()
	s.settles++
	s.settled += len(batch)
	hook := s.fateHook
	s.mu.Unlock()
	if hook != nil {
		if err := hook(); err != nil {
			return err
		}
	}
	return s.script.SettleSuspects(ctx, batch)
}

func TestReportCrash_RefusedTexts_StoredWithout(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(handlers.Crash) error{
		"refused": func(c handlers.Crash) error {
			if c.Text != "" {
				return quarantine.ErrRefusedData
			}
			return nil
		},
		"panic": func(c handlers.Crash) error {
			if c.Text != "" {
				panic("hostile text")
			}
			return nil
		},
	} {
		s := newService(t, &docketStore{script: newScript(), refuse: refuse}, quarantine.Config{})
		reportCrash(t, s, crashOf(1, message("m-1")))
		page, err := s.CrashList(t.Context(), quarantine.CrashQuery{})
		if err != nil || len(page.Reports) != 1 || page.Reports[0].InFlight[0].ID != "m-1" {
			t.Errorf("%s: %+v, %v", name, page, err)
		}
	}
}

// TestSettleSuspect_ManyCostAFewTransactions, each of which is waited for.
func TestSettleSuspect_ManyCostAFewTransactions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const suspects = 200
		store := &docketStore{script: newScript()}
		first := make(chan struct{})
		store.fateHook = func() error {
			<-first
			return nil
		}
		s := newService(t, store, quarantine.Config{})
		var messages []handlers.Message
		for i := range suspects {
			messages = append(messages, message(fmt.Sprint("m-", i)))
		}
		reportCrash(t, s, crashOf(1, messages...))
		var group runner.Group
		for _, m := range messages {
			group.Go(func() {
				if err := s.SettleSuspect(t.Context(), "orders", m, handlers.FateDone); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		close(first)
		group.Wait()
		if store.settled != suspects || store.settles != 2 {
			t.Errorf("%d suspects in %d transactions, want 200 in 2", store.settled, store.settles)
		}
		got, err := s.SuspectList(t.Context(), quarantine.SuspectQuery{States: []quarantine.SuspectState{quarantine.SuspectDone}, Limit: 1000})
		if err != nil || len(got) != suspects {
			t.Errorf("%d suspects are done, %v", len(got), err)
		}
	})
}

func TestSettleSuspect_StoreAway_StaysSuspect(t *testing.T) {
	t.Parallel()
	store := newScript()
	s := newService(t, store, quarantine.Config{})
	m := message("m-1")
	reportCrash(t, s, crashOf(1, m))
	store.Fail(errAway)
	if err := s.SettleSuspect(t.Context(), "orders", m, handlers.FateDone); !errors.Is(err, quarantine.ErrUnavailable) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
	if got := standing(t, s, m); got != handlers.StandingSuspect {
		t.Errorf("standing %v after a fate that was not stored", got)
	}
	store.Fail(nil)
	settle(t, s, m, handlers.FateDone)
	if got := standing(t, s, m); got != handlers.StandingDecided {
		t.Errorf("standing %v when it is done", got)
	}
}

func crashed(n int) handlers.Evidence {
	ev := failure(n)
	ev.Reason, ev.Attempt.Outcome = handlers.ReasonCrashed, handlers.OutcomeCrashed
	return ev
}

func heldAs(t testing.TB, s *quarantine.Service, id string, ev handlers.Evidence) quarantine.Entry {
	t.Helper()
	if _, err := s.Quarantine(t.Context(), "orders", message(id), ev); err != nil {
		t.Fatal(err)
	}
	return get(t, s, quarantine.EntryKey{MessageID: id})
}

func TestReprieve(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, newScript(), quarantine.Config{Worker: worker()})
		run(t, s)
		synctest.Wait()
		heldAs(t, s, "early", crashed(1))
		<-time.After(time.Minute)
		since := time.Now()
		wanted := heldAs(t, s, "wanted", crashed(2))
		heldAs(t, s, "failed", failure(3))
		decided := heldAs(t, s, "decided", crashed(4))
		decided, err := s.EntryDiscard(t.Context(), decided, quarantine.Decision{Actor: ana, Reason: "known"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = s.EntryRestore(t.Context(), decided, quarantine.Decision{Actor: ana}); err != nil {
			t.Fatal(err)
		}
		n, err := s.Reprieve(t.Context(), "orders", since, "everything kills")
		if err != nil || n != 1 {
			t.Errorf("%d were reprieved, %v, want 1", n, err)
		}
		now := get(t, s, quarantine.EntryKey{ID: wanted.ID})
		if now.State != quarantine.StateReplaying || now.Decided.Actor.Via != "system" || now.Decided.Reason != "everything kills" {
			t.Errorf("%s, decided %+v", now.State, now.Decided)
		}
		for _, id := range []string{"early", "failed", "decided"} {
			if e := get(t, s, quarantine.EntryKey{MessageID: id}); e.State != quarantine.StateHeld {
				t.Errorf("%s is %s", id, e.State)
			}
		}
		r := next(t, s)
		if r.Entry != wanted.ID || !r.Alone {
			t.Errorf("replay of %s, alone %v, want %s alone", r.Entry, r.Alone, wanted.ID)
		}
		if n, err := s.Reprieve(t.Context(), "orders", since, "everything kills"); err != nil || n != 0 {
			t.Errorf("%d were reprieved twice, %v", n, err)
		}
	})
}

// TestReprieve_WhatReportsSay: without a time it takes what was held shortly before a death that
// looked like a bad deploy. What was held at any other time stays held, or every new worker would run
// every poison there ever was.
func TestReprieve_WhatReportsSay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, newScript(), quarantine.Config{Worker: worker()})
		run(t, s)
		synctest.Wait()
		report := func(n int, id, hint string) {
			t.Helper()
			c := crashOf(n, message(id))
			c.InFlight[0].Part, c.Hint = handlers.PartCulprit, hint
			if err := s.ReportCrash(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		reprieve := func(want int) {
			t.Helper()
			if n, err := s.Reprieve(t.Context(), "orders", time.Time{}, "it was the deploy"); err != nil || n != want {
				t.Errorf("%d were reprieved, %v, want %d", n, err, want)
			}
		}
		heldAs(t, s, "early", crashed(1))
		report(1, "early", "")
		<-time.After(5 * time.Minute)
		reprieve(0)
		wanted := heldAs(t, s, "wanted", crashed(2))
		<-time.After(20 * time.Second)
		report(2, "third", "3 different messages killed the process within a minute")
		<-time.After(5 * time.Minute)
		heldAs(t, s, "late", crashed(3))
		report(3, "late", "")
		<-time.After(time.Hour)
		reprieve(1)
		if e := get(t, s, quarantine.EntryKey{ID: wanted.ID}); e.State != quarantine.StateReplaying {
			t.Errorf("wanted is %s", e.State)
		}
		reprieve(0)
	})
}

// TestReprieve_LostRacesAreSkipped and what the store cannot do is told.
func TestReprieve_LostRacesAreSkipped(t *testing.T) {
	t.Parallel()
	store := newScript()
	s := newService(t, store, quarantine.Config{})
	a, b := heldAs(t, s, "a", crashed(1)), heldAs(t, s, "b", crashed(2))
	store.set(func(st *script) {
		st.onChange = func(tr quarantine.Transition) error {
			if tr.EntryID == a.ID {
				return &quarantine.ConflictError{Entry: a}
			}
			return nil
		}
	})
	since := time.Now().Add(-time.Hour)
	if n, err := s.Reprieve(t.Context(), "orders", since, "why"); err != nil || n != 1 {
		t.Errorf("%d, %v, want 1", n, err)
	}
	if e := get(t, s, quarantine.EntryKey{ID: b.ID}); e.State != quarantine.StateReplaying {
		t.Errorf("b is %s", e.State)
	}
	store.Fail(errAway)
	if _, err := s.Reprieve(t.Context(), "orders", since, "why"); !errors.Is(err, quarantine.ErrUnavailable) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
}

func TestReplay_WhoRunsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, newScript(), quarantine.Config{Worker: worker()})
		run(t, s)
		synctest.Wait()
		hung := failure(2)
		hung.Reason = handlers.ReasonHung
		for name, tt := range map[string]struct {
			ev    handlers.Evidence
			alone bool // asked for
			want  bool
		}{"failed": {failure(1), false, false}, "failed, alone": {failure(1), true, true}, "crashed": {crashed(1), false, true}, "hung": {hung, false, true}} {
			e := heldAs(t, s, name, tt.ev)
			if _, err := s.EntryReplay(t.Context(), e, quarantine.ReplayParams{Decision: quarantine.Decision{Actor: ana}, Alone: tt.alone}); err != nil {
				t.Fatal(err)
			}
			r := next(t, s)
			if r.Alone != tt.want {
				t.Errorf("%s: alone %v, want %v", name, r.Alone, tt.want)
			}
			if err := s.FinishReplay(t.Context(), "orders", r, ended(handlers.OutcomeOK)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestGroupReplay_TheCanaryRunsAlone, also when another worker takes it over.
func TestGroupReplay_TheCanaryRunsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, newScript(), quarantine.Config{Worker: worker()})
		run(t, s)
		synctest.Wait()
		var group string
		for i := range 3 {
			group = held(t, s, fmt.Sprint("m-", i)).Group
		}
		var alone []bool
		handler(t, s, func(r handlers.Replay) handlers.Outcome {
			alone = append(alone, r.Alone)
			if len(alone) == 1 {
				return handlers.OutcomeInterrupted
			}
			return handlers.OutcomeOK
		})
		res, err := s.GroupReplay(t.Context(), group, quarantine.ReplayParams{Decision: quarantine.Decision{Actor: ana, Reason: "fixed"}}, nil)
		if err != nil || res.Done != 3 {
			t.Fatalf("%+v, %v", res, err)
		}
		if want := []bool{true, true, false, false}; fmt.Sprint(alone) != fmt.Sprint(want) {
			t.Errorf("alone %v, want %v", alone, want)
		}
	})
}
