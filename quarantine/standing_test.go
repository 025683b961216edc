package quarantine_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/quarantine"
)

func standing(t testing.TB, s *quarantine.Service, m handlers.Message) handlers.Standing {
	t.Helper()
	got, err := s.Standing(t.Context(), "orders", &m)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestStanding_FollowsOwnWrites(t *testing.T) {
	t.Parallel()
	store := newScript()
	s := newService(t, store, quarantine.Config{})
	m := message("m-1")
	if got := standing(t, s, m); got != handlers.StandingNew {
		t.Errorf("at first: %v", got)
	}
	if _, err := s.RecordAttempt(t.Context(), "orders", m, failure(1).Attempt); err != nil {
		t.Fatal(err)
	}
	if got := standing(t, s, m); got != handlers.StandingFailing {
		t.Errorf("after a failure: %v", got)
	}
	ok := failure(2).Attempt
	ok.Outcome = handlers.OutcomeOK
	if _, err := s.RecordAttempt(t.Context(), "orders", m, ok); err != nil {
		t.Fatal(err)
	}
	if got := standing(t, s, m); got != handlers.StandingNew {
		t.Errorf("after a success: %v", got)
	}
	if n := store.count("Decided"); n != 0 {
		t.Errorf("the store was asked %d times about a message that was never held", n)
	}
	if _, err := s.Quarantine(t.Context(), "orders", m, failure(3)); err != nil {
		t.Fatal(err)
	}
	if got := standing(t, s, m); got != handlers.StandingDecided || store.count("Decided") != 1 {
		t.Errorf("when it is held: %v, the store was asked %d times, want once", got, store.count("Decided"))
	}
	reused := m
	reused.Data = []byte("another message under the same id")
	if got := standing(t, s, reused); got != handlers.StandingFailing {
		t.Errorf("another message with its id: %v", got)
	}
}

func TestStanding_FollowsOtherReplicas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		a, b := newService(t, store, quarantine.Config{}), newService(t, store, quarantine.Config{})
		if _, err := a.Quarantine(t.Context(), "orders", message("before"), failure(1)); err != nil {
			t.Fatal(err)
		}
		run(t, b)
		if got := standing(t, b, message("before")); got != handlers.StandingDecided {
			t.Errorf("held before Run, after Ready: %v", got)
		}
		if _, err := a.Quarantine(t.Context(), "orders", message("after"), failure(1)); err != nil {
			t.Fatal(err)
		}
		if _, err := a.RecordAttempt(t.Context(), "orders", message("failing"), failure(1).Attempt); err != nil {
			t.Fatal(err)
		}
		<-time.After(1100 * time.Millisecond)
		if got := standing(t, b, message("after")); got != handlers.StandingDecided {
			t.Errorf("held elsewhere, a poll later: %v", got)
		}
		if got := standing(t, b, message("failing")); got != handlers.StandingFailing {
			t.Errorf("failing elsewhere, a poll later: %v", got)
		}
		ok := failure(2).Attempt
		ok.Outcome = handlers.OutcomeOK
		if _, err := a.RecordAttempt(t.Context(), "orders", message("failing"), ok); err != nil {
			t.Fatal(err)
		}
		<-time.After(1100 * time.Millisecond)
		if got := standing(t, b, message("failing")); got != handlers.StandingNew {
			t.Errorf("well again elsewhere, a poll later: %v", got)
		}
	})
}

func TestStanding_StoreAway_NobodyKnows(t *testing.T) {
	t.Parallel()
	store := newScript()
	s := newService(t, store, quarantine.Config{})
	if _, err := s.Quarantine(t.Context(), "orders", message("m-1"), failure(1)); err != nil {
		t.Fatal(err)
	}
	store.Fail(errAway)
	if got, err := s.Standing(t.Context(), "orders", new(message("m-1"))); !errors.Is(err, quarantine.ErrUnavailable) {
		t.Errorf("%v, %v, want ErrUnavailable", got, err)
	}
	if got := standing(t, s, message("m-2")); got != handlers.StandingNew {
		t.Errorf("a message without a trace: %v", got)
	}
}

func TestRun_ReadyWaitsForTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newScript()
		store.Fail(errAway)
		s := newService(t, store, quarantine.Config{})
		var group runner.Group
		group.Go(func() { run(t, s) })
		<-time.After(time.Minute)
		select {
		case <-s.Ready():
			t.Error("ready without having read the store")
		default:
		}
		store.Fail(nil)
		group.Wait()
	})
}

// schemaStore is of another version.
type schemaStore struct{ quarantine.Store }

func (schemaStore) Changes(context.Context, int64) (quarantine.Changes, error) {
	return quarantine.Changes{}, quarantine.ErrSchema
}

func TestRun_ForeignSchema_EndsAtOnce(t *testing.T) {
	t.Parallel()
	s := newService(t, schemaStore{newScript()}, quarantine.Config{})
	if err := s.Run(t.Context()); !errors.Is(err, quarantine.ErrSchema) {
		t.Errorf("Run: %v, want ErrSchema", err)
	}
}

func BenchmarkStanding_New(b *testing.B) {
	s, err := quarantine.New(newScript(), quarantine.Config{})
	if err != nil {
		b.Fatal(err)
	}
	m := message("1284933119027")
	b.ReportAllocs()
	for b.Loop() {
		if got, _ := s.Standing(b.Context(), "orders", &m); got != handlers.StandingNew {
			b.Fatal(got)
		}
	}
}
