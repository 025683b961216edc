package signals

import (
	"testing"
	"time"
)

func TestPrompt_May_ABurstAndThenTenASecond(t *testing.T) {
	t.Parallel()
	p, now := newPrompt(nil, nil), time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	count := func(lasts, every time.Duration) (n int) {
		for end := now.Add(lasts); now.Before(end); now = now.Add(every) {
			if p.may(now) {
				n++
			}
		}
		return n
	}
	if n := count(time.Millisecond, time.Microsecond); n != promptBurst {
		t.Errorf("%d at once, want %d", n, promptBurst)
	}
	if n := count(10*time.Second, time.Millisecond); n != 100 {
		t.Errorf("%d in 10 s, want 100", n)
	}
	now = now.Add(time.Hour)
	if n := count(time.Millisecond, time.Microsecond); n != promptBurst {
		t.Errorf("%d after a rest, want %d", n, promptBurst)
	}
}
