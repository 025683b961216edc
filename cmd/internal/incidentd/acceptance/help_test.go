package acceptance

import (
	"slices"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen. What happens late is told by its own limit.
const patience = 2 * time.Minute

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until something is so, and returns how long that took.
func eventually(t *testing.T, what string, is func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !is() {
		select {
		case <-look.C:
		case <-t.Context().Done():
			t.Fatalf("the test ended before: %s", what)
		}
		if time.Since(began) > patience {
			t.Fatalf("after %s it is still not so: %s", patience, what)
		}
	}
	return time.Since(began)
}

// quantile returns the q-th part of what was measured, in the order of length.
func quantile(all []time.Duration, q float64) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[min(int(q*float64(len(all))), len(all)-1)]
}

// measured is how long something took, and may take at most.
type measured struct {
	what        string
	took, limit time.Duration
}

// ok logs a measurement and reports whether it is within its limit. Programs that look for races are some
// ten times slower, and so may they be.
func (m *measured) ok(t *testing.T) bool {
	t.Helper()
	if raced {
		m.limit *= 10
	}
	t.Logf("%s: %s (limit %s)", m.what, m.took.Round(time.Microsecond), m.limit)
	return m.took <= m.limit
}

// within checks a number that the service must reach.
func within(t *testing.T, what string, took, limit time.Duration) {
	t.Helper()
	if m := (measured{what, took, limit}); !m.ok(t) {
		t.Errorf("%s took %s, want at most %s", what, took, m.limit)
	}
}

// fast checks numbers so small that what else the machine does may spoil a measurement, so it measures
// again, for a while: a service that waits for what it must not is slow each time.
func fast(t *testing.T, measure func() []measured) {
	t.Helper()
	late := time.Now().Add(patience)
	for try := 0; try < 5 && (try == 0 || time.Now().Before(late)); try++ {
		slow := slices.DeleteFunc(measure(), func(m measured) bool { return m.ok(t) })
		if len(slow) == 0 {
			return
		}
	}
	t.Error("too slow, each time")
}
