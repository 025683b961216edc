package quarantine_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// TestStats_CountsWhatWaits: entries by subscription and reason, and suspects.
func TestStats_CountsWhatWaits(t *testing.T) {
	t.Parallel()
	s := newService(t, newScript(), quarantine.Config{})
	first := held(t, s, "m-1")
	held(t, s, "m-2")
	if _, err := s.Quarantine(t.Context(), "nudges", message("m-3"), crashed(2)); err != nil {
		t.Fatal(err)
	}
	reportCrash(t, s, crashOf(1, message("m-8"), message("m-9")))
	got, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, h := range got.Held {
		counts[h.Subscription+" "+string(h.Reason)] += h.Count
		if h.Subscription == "orders" && !h.Oldest.Equal(first.HeldAt) {
			t.Errorf("the oldest of orders is of %v, want %v", h.Oldest, first.HeldAt)
		}
	}
	if len(counts) != 2 || counts["orders failed"] != 2 || counts["nudges crashed"] != 1 {
		t.Errorf("held %v", counts)
	}
	if got.Suspects["orders"] != 2 || len(got.Suspects) != 1 || got.Capped {
		t.Errorf("suspects %v, capped %t", got.Suspects, got.Capped)
	}
	if _, err := s.EntryDiscard(t.Context(), first, quarantine.Decision{Actor: ana, Reason: "test"}); err != nil {
		t.Fatal(err)
	}
	if got, err = s.Stats(t.Context()); err != nil || got.Held[0].Count+got.Held[1].Count != 2 {
		t.Errorf("after a discard: %+v, %v", got.Held, err)
	}
}

// TestLocalStats_CountsTheSpool: what is put in and what is stored later.
func TestLocalStats_CountsTheSpool(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, dir := newScript(), t.TempDir()
		store.set(func(s *script) {
			s.onHold = func(context.Context, []quarantine.NewEntry) error { return quarantine.ErrUnavailable }
		})
		s := newService(t, store, quarantine.Config{SpoolDir: dir})
		for _, id := range []string{"m-1", "m-2", "m-1"} { // the same twice is one record
			if _, err := s.Quarantine(t.Context(), "orders", message(id), failure(1)); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.LocalStats(); got.SpoolRecords != 2 || got.SpoolBytes == 0 || got.SpoolMaxBytes != 1<<30 {
			t.Errorf("spooled: %+v", got)
		}
		// Another process finds the same.
		if got := newService(t, store, quarantine.Config{SpoolDir: dir}).LocalStats(); got.SpoolRecords != 2 {
			t.Errorf("found: %+v", got)
		}
		store.set(func(s *script) { s.onHold = nil })
		run(t, s)
		synctest.Wait()
		if got := s.LocalStats(); got.SpoolRecords != 0 || got.SpoolBytes != 0 {
			t.Errorf("stored: %+v", got)
		}
	})
}

// TestLocalStats_Reprieved_OnlyWhatLooksFalse: held as crashed, done on the same
// build.
func TestLocalStats_Reprieved_OnlyWhatLooksFalse(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ev      handlers.Evidence
		outcome handlers.Outcome
		build   string
		want    uint64
	}{
		"same build":  {crashed(2), handlers.OutcomeOK, "v2", 1},
		"fixed":       {crashed(2), handlers.OutcomeOK, "v3", 0},
		"still kills": {crashed(2), handlers.OutcomeCrashed, "v2", 0},
		"failed":      {failure(5), handlers.OutcomeOK, "v2", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, newScript(), quarantine.Config{Worker: worker()})
				run(t, s)
				synctest.Wait()
				tt.ev.Attempt.Build = "v2"
				ref, err := s.Quarantine(t.Context(), "orders", message("m-1"), tt.ev)
				if err != nil {
					t.Fatal(err)
				}
				replay(t, s, get(t, s, quarantine.EntryKey{Ref: ref}))
				a := ended(tt.outcome)
				a.Build = tt.build
				if err := s.FinishReplay(t.Context(), "orders", next(t, s), a); err != nil {
					t.Fatal(err)
				}
				if got := s.LocalStats().Reprieved["orders"]; got != tt.want {
					t.Errorf("reprieved %d, want %d", got, tt.want)
				}
			})
		})
	}
}
