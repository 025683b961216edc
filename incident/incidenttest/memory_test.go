package incidenttest_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidenttest"
	"github.com/theriac/theriac/internal/runner"
)

func TestStore(t *testing.T) {
	t.Parallel()
	incidenttest.RunStoreTests(t, func(testing.TB) incidenttest.Harness {
		clock := incidenttest.NewClock(time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC))
		s := incidenttest.NewStore(incidenttest.Options{Now: clock.Now})
		return incidenttest.Harness{Store: s, Other: s, Advance: func(_ testing.TB, d time.Duration) { clock.Advance(d) }}
	})
}

func TestStore_Fail(t *testing.T) {
	t.Parallel()
	s := incidenttest.NewStore(incidenttest.Options{})
	broken := errors.New("broken")
	s.Fail(broken)
	if _, err := s.Get(t.Context(), "INC-1"); !errors.Is(err, incident.ErrUnavailable) || !errors.Is(err, broken) {
		t.Errorf("get: %v", err)
	}
	s.Fail(nil)
	if _, err := s.Get(t.Context(), "INC-1"); !errors.Is(err, incident.ErrNotFound) {
		t.Errorf("get: %v", err)
	}
}

// TestStore_KeepsTheTimeOfABubble uses no clock of its own.
func TestStore_KeepsTheTimeOfABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := incidenttest.NewStore(incidenttest.Options{})
		var group runner.Group
		group.Go(func() {
			if err := s.Wake(t.Context(), time.Hour); err != nil {
				t.Error(err)
			}
		})
		before, err := s.Now(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		group.Wait()
		after, err := s.Now(t.Context())
		if err != nil || after.Sub(before) != time.Hour {
			t.Errorf("%s passed, %v", after.Sub(before), err)
		}
	})
}
