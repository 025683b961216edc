package quarantine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
)

// held quarantines a message and returns its entry.
func held(t testing.TB, s *quarantine.Service, id string) quarantine.Entry {
	t.Helper()
	ref, err := s.Quarantine(t.Context(), "orders", message(id), failure(1))
	if err != nil {
		t.Fatal(err)
	}
	return get(t, s, quarantine.EntryKey{Ref: ref})
}

func replay(t testing.TB, s *quarantine.Service, e quarantine.Entry) quarantine.Entry {
	t.Helper()
	e, err := s.EntryReplay(t.Context(), e, quarantine.ReplayParams{Decision: quarantine.Decision{Actor: ana, Reason: "fixed"}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func next(t testing.TB, s *quarantine.Service) handlers.Replay {
	t.Helper()
	r, err := s.NextReplay(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ended(o handlers.Outcome) handlers.Attempt {
	a := failure(9).Attempt
	a.Outcome = o
	if o == handlers.OutcomeOK {
		a.Errors, a.Class = nil, handlers.ClassNone
	}
	return a
}

// handler runs replays until ctx ends, answering for each message.
func handler(t testing.TB, s *quarantine.Service, answer func(handlers.Replay) handlers.Outcome) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var group runner.Group
	group.Go(func() {
		for {
			r, err := s.NextReplay(ctx, "orders")
			if err != nil {
				return
			}
			err = s.FinishReplay(ctx, "orders", r, ended(answer(r)))
			if err != nil && ctx.Err() == nil { // else the result is kept, and delivered when the worker leaves
				t.Errorf("FinishReplay: %v", err)
			}
		}
	})
	once := sync.OnceFunc(func() {
		cancel()
		group.Wait()
	})
	t.Cleanup(once)
	return once
}

func TestReplay_OutcomeDecidesTheState(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		outcome handlers.Outcome
		want    quarantine.State
		replays int
	}{
		{handlers.OutcomeOK, quarantine.StateReplayed, 1},
		{handlers.OutcomeFailed, quarantine.StateHeld, 1},
		{handlers.OutcomePanicked, quarantine.StateHeld, 1},
		{handlers.OutcomeExited, quarantine.StateHeld, 1},
		{handlers.OutcomeTimedOut, quarantine.StateHeld, 1},
		{handlers.OutcomeCrashed, quarantine.StateHeld, 1},
		{handlers.OutcomeDeferred, quarantine.StateHeld, 1},
		{handlers.OutcomeInterrupted, quarantine.StateReplaying, 0},
	} {
		t.Run(tt.outcome.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, newScript(), quarantine.Config{Worker: worker()})
				run(t, s)
				synctest.Wait()
				e := replay(t, s, held(t, s, "m-1"))
				r := next(t, s)
				if diff := cmp.Diff(message("m-1"), r.Message); diff != "" {
					t.Errorf("message (-received +replayed):\n%s", diff)
				}
				if r.Entry != e.ID || r.Ref != e.Ref || r.Number != 1 || r.Actor != ana.Name {
					t.Errorf("provenance %+v", r)
				}
				if err := s.FinishReplay(t.Context(), "orders", r, ended(tt.outcome)); err != nil {
					t.Fatal(err)
				}
				now := get(t, s, quarantine.EntryKey{ID: e.ID})
				if now.State != tt.want || now.Claim != "" || now.Replays != tt.replays {
					t.Errorf("%s, claim %q, replays %d, want %s, none, %d", now.State, now.Claim, now.Replays, tt.want, tt.replays)
				}
				if !now.Attempts[0].Replay {
					t.Error("its last attempt is not marked as a replay")
				}
				if got := standing(t, s, message("m-1")); got != handlers.StandingDecided {
					t.Errorf("standing %v", got)
				}
			})
		})
	}
}

func TestReplay_ManyWorkersAndClicks_OneRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		var mu sync.Mutex
		runs := map[string]int{}
		var s *quarantine.Service
		for i := range 5 {
			w := worker()
			w.Name = fmt.Sprint("w-", i)
			s = newService(t, store, quarantine.Config{Worker: w})
			run(t, s)
			synctest.Wait()
			for range 2 {
				handler(t, s, func(r handlers.Replay) handlers.Outcome {
					mu.Lock()
					defer mu.Unlock()
					runs[r.Ref]++
					return handlers.OutcomeOK
				})
			}
		}
		for i := range 20 {
			e := held(t, s, fmt.Sprint("m-", i))
			var wg sync.WaitGroup
			var mu sync.Mutex
			asked := 0
			for range 4 {
				wg.Go(func() {
					_, err := s.EntryReplay(t.Context(), e, quarantine.ReplayParams{Decision: quarantine.Decision{Actor: ana}})
					conflict, isConflict := errors.AsType[*quarantine.ConflictError](err)
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						asked++
					case !isConflict || conflict.Entry.Ref != e.Ref:
						t.Errorf("a second click: %v", err)
					}
				})
			}
			wg.Wait()
			if asked != 1 {
				t.Errorf("%d of 4 clicks were taken", asked)
			}
		}
		<-time.After(10 * time.Second)
		for ref, n := range runs {
			if n != 1 {
				t.Errorf("%s ran %d times", ref, n)
			}
		}
		if len(runs) != 20 {
			t.Errorf("%d of 20 ran", len(runs))
		}
	})
}

func TestReplay_LostRegistration_ResultIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		members := make(chan quarantine.Membership, 10)
		s := newService(t, joining{store, members}, quarantine.Config{Worker: worker()})
		run(t, s)
		first := <-members
		synctest.Wait()
		e := replay(t, s, held(t, s, "m-1"))
		r := next(t, s)
		store.Kill(first)
		if err := s.FinishReplay(t.Context(), "orders", r, ended(handlers.OutcomeOK)); !errors.Is(err, quarantine.ErrClaimLost) {
			t.Errorf("a result under a lost registration: %v, want ErrClaimLost", err)
		}
		if again := <-members; again.Incarnation() == first.Incarnation() {
			t.Error("joined again under the same incarnation")
		}
		<-time.After(time.Minute)
		now := get(t, s, quarantine.EntryKey{ID: e.ID})
		if now.State != quarantine.StateHeld || !strings.Contains(now.Decided.Reason, "died") {
			t.Errorf("%s, %q, want held again by the reaping", now.State, now.Decided.Reason)
		}
		replay(t, s, now) // and the new registration takes replays
		if r := next(t, s); r.Number != 2 {
			t.Errorf("replay number %d, want 2", r.Number)
		}
	})
}

// joining hands out the memberships that it makes.
type joining struct {
	*script
	members chan quarantine.Membership
}

func (j joining) Join(ctx context.Context, w quarantine.Worker) (quarantine.Membership, error) {
	m, err := j.script.Join(ctx, w)
	if err == nil {
		j.members <- m
	}
	return m, err
}

// TestRun_RegistrationEndedByOthers: a store that was told by others that this
// worker is dead says so at the next heartbeat, lock or not.
func TestRun_RegistrationEndedByOthers_JoinsAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		members := make(chan quarantine.Membership, 10)
		s := newService(t, joining{store, members}, quarantine.Config{Worker: worker()})
		run(t, s)
		if err := (<-members).Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case <-members:
		case <-time.After(time.Minute):
			t.Fatal("it did not join again")
		}
		replay(t, s, held(t, s, "m-1"))
		next(t, s)
	})
}

func TestReplay_DeadWorker_ItsEntryIsHeldAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		dead, err := store.Join(t.Context(), quarantine.Worker{Name: "w-0", Subscriptions: []string{"orders"}})
		if err != nil {
			t.Fatal(err)
		}
		s := newService(t, store, quarantine.Config{Worker: worker()})
		e := replay(t, s, held(t, s, "m-1"))
		if _, err := store.ClaimReplay(t.Context(), "orders", dead.Incarnation()); err != nil {
			t.Fatal(err)
		}
		store.Kill(dead)
		run(t, s)
		<-time.After(time.Minute)
		if now := get(t, s, quarantine.EntryKey{ID: e.ID}); now.State != quarantine.StateHeld || now.Claim != "" {
			t.Errorf("%s, claim %q", now.State, now.Claim)
		}
	})
}

func TestFinishReplay_StoreAway_TriesUntilItIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		s := newService(t, store, quarantine.Config{Worker: worker()})
		run(t, s)
		synctest.Wait()
		e := replay(t, s, held(t, s, "m-1"))
		r := next(t, s)
		store.Fail(errAway)
		time.AfterFunc(20*time.Second, func() { store.Fail(nil) })
		if err := s.FinishReplay(t.Context(), "orders", r, ended(handlers.OutcomeOK)); err != nil {
			t.Error(err)
		}
		if now := get(t, s, quarantine.EntryKey{ID: e.ID}); now.State != quarantine.StateReplayed {
			t.Errorf("%s", now.State)
		}
	})
}

func TestFinishReplay_CallerGivesUp_ResultIsDeliveredLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		s := newService(t, store, quarantine.Config{Worker: worker()})
		run(t, s)
		synctest.Wait()
		e := replay(t, s, held(t, s, "m-1"))
		r := next(t, s)
		store.Fail(errAway)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := s.FinishReplay(ctx, "orders", r, ended(handlers.OutcomeOK)); !errors.Is(err, quarantine.ErrUnavailable) {
			t.Errorf("%v, want ErrUnavailable", err)
		}
		store.Fail(nil)
		<-time.After(5 * time.Second)
		if now := get(t, s, quarantine.EntryKey{ID: e.ID}); now.State != quarantine.StateReplayed {
			t.Errorf("%s, want replayed", now.State)
		}
	})
}

func TestFinishReplay_AnswerLost_CountsAsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		s := newService(t, store, quarantine.Config{Worker: worker()})
		run(t, s)
		synctest.Wait()
		replay(t, s, held(t, s, "m-1"))
		r := next(t, s)
		lose := sync.OnceValue(func() error { return errAway })
		tries := 0
		store.set(func(s *script) {
			s.after = func(method string) error {
				if tries++; tries == 1 && method == "Transition" {
					return lose()
				}
				return nil
			}
		})
		if err := s.FinishReplay(t.Context(), "orders", r, ended(handlers.OutcomeOK)); err != nil {
			t.Errorf("the store took it at the first try, and the second found that out: %v", err)
		}
	})
}

func TestFinishReplay_EvidenceRefused_StateStillChanges(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"refused": func() error { return quarantine.ErrRefusedData },
		"panics":  func() error { panic("index out of range in the encoder") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := newScript()
				store.onChange = func(c quarantine.Transition) error {
					if c.Attempt != nil && len(c.Attempt.Errors) > 0 {
						return fail()
					}
					return nil
				}
				s := newService(t, store, quarantine.Config{Worker: worker()})
				run(t, s)
				synctest.Wait()
				e := replay(t, s, held(t, s, "m-1"))
				if err := s.FinishReplay(t.Context(), "orders", next(t, s), ended(handlers.OutcomePanicked)); err != nil {
					t.Fatal(err)
				}
				now := get(t, s, quarantine.EntryKey{ID: e.ID})
				if now.State != quarantine.StateHeld || !now.Attempts[0].Replay || now.Decided.Reason != "replay 1: panicked" {
					t.Errorf("%s, %q, attempt %+v", now.State, now.Decided.Reason, now.Attempts[0])
				}
			})
		})
	}
}

func TestFinishReplay_ClaimEndedMeanwhile_IsNotTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		members := make(chan quarantine.Membership, 10)
		s := newService(t, joining{store, members}, quarantine.Config{Worker: worker()})
		run(t, s)
		m := <-members
		synctest.Wait()
		e := replay(t, s, held(t, s, "m-1"))
		r := next(t, s)
		if _, err := store.Transition(t.Context(), quarantine.Transition{
			EntryID: e.ID, Version: r.Version, To: quarantine.StateReplaying, Unclaim: true, Claim: m.Incarnation(),
		}); err != nil {
			t.Fatal(err)
		}
		for range 2 { // a second time it is not even tried
			if err := s.FinishReplay(t.Context(), "orders", r, ended(handlers.OutcomeOK)); !errors.Is(err, quarantine.ErrClaimLost) {
				t.Errorf("%v, want ErrClaimLost", err)
			}
		}
		if now := get(t, s, quarantine.EntryKey{ID: e.ID}); now.State != quarantine.StateReplaying {
			t.Errorf("%s", now.State)
		}
	})
}

func TestNextReplay_AnswerOfTheClaimLost_IsGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		s := newService(t, store, quarantine.Config{Worker: worker()})
		run(t, s)
		synctest.Wait()
		e := replay(t, s, held(t, s, "m-1"))
		lost := false
		store.set(func(s *script) {
			s.after = func(method string) error {
				if method == "ClaimReplay" && !lost {
					lost = true
					return errAway
				}
				return nil
			}
		})
		r := next(t, s) // the second claim, once the first was given back
		if r.Entry != e.ID || !lost {
			t.Errorf("got %s, want %s; the first answer was lost: %t", r.Ref, e.Ref, lost)
		}
	})
}

func TestNextReplay_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, cfg := range map[string]quarantine.Config{"member": {Worker: worker()}, "not registered": {}} {
			s := newService(t, newScript(), cfg)
			run(t, s)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if _, err := s.NextReplay(ctx, "orders"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestNextReplay_IdleWorker_AsksOnceAndThenListens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		s := newService(t, store, quarantine.Config{Worker: worker()})
		run(t, s)
		stop := handler(t, s, func(handlers.Replay) handlers.Outcome { return handlers.OutcomeOK })
		defer stop()
		<-time.After(time.Hour)
		if n := store.count("ClaimReplay"); n != 1 {
			t.Errorf("an idle worker tried to claim %d times in an hour", n)
		}
		other := newService(t, store, quarantine.Config{}) // an operator's process
		e := replay(t, other, held(t, other, "m-1"))
		e, err := other.EntryReplayWait(t.Context(), e, 0)
		if err != nil || e.State != quarantine.StateReplayed {
			t.Errorf("%s, %v", e.State, err)
		}
	})
}

func TestRun_End_LeavesATombstoneAndGivesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		s := newService(t, store, quarantine.Config{Worker: worker()})
		stop := run(t, s)
		synctest.Wait()
		e := replay(t, s, held(t, s, "m-1"))
		next(t, s)
		stop()
		workers, err := store.Workers(t.Context())
		if err != nil || len(workers) != 0 {
			t.Errorf("still registered: %v, %v", workers, err)
		}
		if now := get(t, s, quarantine.EntryKey{ID: e.ID}); now.State != quarantine.StateReplaying || now.Claim != "" {
			t.Errorf("%s, claim %q, want replaying for the next worker", now.State, now.Claim)
		}
		rows, err := store.Audit(t.Context(), e.ID, 10)
		if err != nil || !slices.ContainsFunc(rows, func(r quarantine.AuditRow) bool { return strings.Contains(r.Decision.Reason, "left") }) {
			t.Errorf("audit %v, %v", rows, err)
		}
	})
}

// TestReplay_StartStopStress runs workers that come and go while replays are
// asked for; in the end each entry ran at least once and none is stuck.
func TestReplay_StartStopStress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		ops := newService(t, store, quarantine.Config{})
		steady := newService(t, store, quarantine.Config{Worker: worker()})
		run(t, steady)
		synctest.Wait()
		var ids []string
		for i := range 50 {
			ids = append(ids, replay(t, ops, held(t, ops, fmt.Sprint("m-", i))).ID)
		}
		for i := range 10 {
			w := worker()
			w.Name = fmt.Sprint("w-", i)
			s := newService(t, store, quarantine.Config{Worker: w})
			stop := run(t, s)
			n := 0
			stopHandler := handler(t, s, func(handlers.Replay) handlers.Outcome {
				n++
				return []handlers.Outcome{handlers.OutcomeOK, handlers.OutcomeInterrupted}[n%2]
			})
			<-time.After(time.Duration(i) * time.Millisecond)
			stopHandler()
			stop()
		}
		handler(t, steady, func(handlers.Replay) handlers.Outcome { return handlers.OutcomeOK })
		<-time.After(time.Minute)
		for _, id := range ids {
			if e := get(t, ops, quarantine.EntryKey{ID: id}); e.State != quarantine.StateReplayed {
				t.Errorf("%s is %s, claim %q", e.Ref, e.State, e.Claim)
			}
		}
	})
}
