package acceptance

import (
	"slices"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen. What happens late is told by its own limit.
const patience = time.Minute

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

// within checks a number that the service must reach. Programs that look for races are some ten times
// slower, and so may they be.
func within(t *testing.T, what string, took, limit time.Duration) {
	t.Helper()
	if raced {
		limit *= 10
	}
	t.Logf("%s: %s (limit %s)", what, took.Round(time.Microsecond), limit)
	if took > limit {
		t.Errorf("%s took %s, want at most %s", what, took, limit)
	}
}
