package quarantinetest_test

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemoryStore(t *testing.T) {
	t.Parallel()
	quarantinetest.RunStoreTests(t, func(testing.TB) quarantinetest.Harness {
		s := quarantinetest.NewStore()
		return quarantinetest.Harness{Store: s, Other: s,
			Kill: func(_ testing.TB, m quarantine.Membership) { s.Kill(m) },
			Age:  func(_ testing.TB, m quarantine.Membership, d time.Duration) { s.Age(m, d) }}
	})
}

func TestMemoryStore_FailsWhenToldTo(t *testing.T) {
	t.Parallel()
	s := quarantinetest.NewStore()
	boom := errors.New("boom")
	s.Fail(boom)
	_, err := s.Changes(t.Context(), 0)
	if !errors.Is(err, boom) || !errors.Is(err, quarantine.ErrUnavailable) {
		t.Errorf("a failing store returned %v", err)
	}
	s.Fail(nil)
	if _, err := s.Changes(t.Context(), 0); err != nil {
		t.Errorf("a mended store returned %v", err)
	}
}
