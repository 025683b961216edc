package notify

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 3, 2, 11, 500_000_000, time.UTC)
	in := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	tests := []struct {
		value string
		want  time.Duration
	}{
		{"", 0},
		{"0", 0},
		{"1", time.Second},
		{" 30 ", 30 * time.Second},
		{"007", 7 * time.Second},
		{"300", 5 * time.Minute},
		{"3600", 5 * time.Minute},
		{"99999999999999999999999999", 5 * time.Minute},
		{"-1", 0},
		{"+5", 0},
		{"1.5", 0},
		{"5s", 0},
		{"٣", 0},
		{in(10 * time.Second), 10 * time.Second},
		{in(time.Hour), 5 * time.Minute},
		{in(-time.Hour), 0},
		{"Fri, 31 Dec 9999 23:59:59 GMT", 5 * time.Minute},
		{"Sunday, 22-Nov-26 03:02:21 GMT", 10 * time.Second},
		{"Sun Nov 22 03:02:21 2026", 10 * time.Second},
		{"soon", 0},
	}
	for _, tt := range tests {
		if got := retryAfter(tt.value, now); got != tt.want {
			t.Errorf("Retry-After %q: %v, want %v", tt.value, got, tt.want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, 11, 22, 3, 2, 11, 1, time.UTC)
	for _, seed := range []string{"", "1", "99999999999", "-3", "Sun, 22 Nov 2026 03:03:11 GMT", "Sun Nov 22 03:02:21 2026", "Mon, 01 Jan 0001 00:00:00 GMT"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got := retryAfter(value, now)
		if got < 0 || got > MaxRetryAfter || got%time.Second != 0 {
			t.Errorf("Retry-After %q: %v", value, got)
		}
	})
}
