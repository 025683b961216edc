package incidentlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/theriac/theriac/incident/incidentlite"
	"github.com/theriac/theriac/incident/incidenttest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	incidenttest.RunStoreTests(t, func(t testing.TB) incidenttest.Harness {
		path := filepath.Join(t.TempDir(), "incident.db")
		clock := incidenttest.NewClock(time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC))
		opt := incidentlite.Options{Now: clock.Now}
		return incidenttest.Harness{Store: open(t, path, opt), Other: open(t, path, opt),
			Advance: func(_ testing.TB, d time.Duration) { clock.Advance(d) }}
	})
}

// open opens the store at path for the length of the test.
func open(t testing.TB, path string, opt incidentlite.Options) *incidentlite.Store {
	t.Helper()
	s, err := incidentlite.Open(t.Context(), path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
