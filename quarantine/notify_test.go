package quarantine_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/quarantine"
)

// TestNotices_OnceRound is a notifier's round: lead, read, tell, put.
func TestNotices_OnceRound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, newScript(), quarantine.Config{})
		e := held(t, s, "m-1")
		for holder, want := range map[string]bool{"n-1": true, "": false} {
			leads, err := s.LeadNotices(t.Context(), holder, time.Minute)
			if leads != want || (err == nil) != want {
				t.Errorf("%q leads: %t, %v", holder, leads, err)
			}
		}
		due, err := s.NoticesDue(t.Context(), 0)
		if err != nil || len(due) != 1 || due[0].Latest.ID != e.ID || due[0].Key != quarantine.GroupNotice(e.Fingerprint) {
			t.Fatalf("due: %+v, %v", due, err)
		}
		told := quarantine.ToldNotice{Key: due[0].Key, Told: due[0].Group.Changes, State: []byte("ts")}
		if err := s.PutNotices(t.Context(), "n-2", []quarantine.ToldNotice{told}); !errors.Is(err, quarantine.ErrClaimLost) {
			t.Errorf("by another: %v", err)
		}
		if err := s.PutNotices(t.Context(), "n-1", []quarantine.ToldNotice{told}); err != nil {
			t.Error(err)
		}
		n, err := s.NoticeGet(t.Context(), due[0].Key)
		if err != nil || string(n.State) != "ts" || !n.Waiting.IsZero() {
			t.Errorf("told: %+v, %v", n, err)
		}
		want := quarantine.NoticeStats{Holder: "n-1", Led: time.Now().UTC()}
		stats, err := s.NoticeStats(t.Context())
		if diff := cmp.Diff(want, stats); err != nil || diff != "" {
			t.Errorf("stats: %v (-want +got)\n%s", err, diff)
		}
		<-time.After(time.Minute)
		if err := s.PutNotices(t.Context(), "n-1", []quarantine.ToldNotice{told}); !errors.Is(err, quarantine.ErrClaimLost) {
			t.Errorf("after its time: %v", err)
		}
	})
}

func TestWaitingAfter(t *testing.T) {
	t.Parallel()
	since := time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC)
	now := since.Add(time.Minute)
	for _, tt := range []struct {
		name                  string
		told, before, changes int64
		since, want           time.Time
		refused               bool
	}{
		{name: "all is told", told: 5, before: 3, changes: 5, since: since},
		{name: "nothing was ever untold", told: 0, changes: 0},
		{name: "a part is told", told: 4, before: 3, changes: 5, since: since, want: now},
		{name: "nothing more is told", told: 3, before: 3, changes: 5, since: since, want: since},
		{name: "less is told", told: 2, before: 3, changes: 5, since: since, want: since},
		{name: "less is told and nothing waited", told: 2, before: 5, changes: 5, want: now},
		{name: "more is told than there is", told: 6, before: 3, changes: 5, since: since, want: since, refused: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := quarantine.ToldNotice{Key: "k", Told: tt.told}.WaitingAfter(quarantine.ToldNotice{Told: tt.before}, tt.changes, tt.since, now)
			if !got.Equal(tt.want) || errors.Is(err, quarantine.ErrInvalid) != tt.refused {
				t.Errorf("waits since %s, %v; want %s", got, err, tt.want)
			}
		})
	}
}

func TestNoticeLimit(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{-1: 100, 0: 100, 1: 1, 1000: 1000, 1001: 1000} {
		if got := quarantine.NoticeLimit(limit); got != want {
			t.Errorf("%d became %d, want %d", limit, got, want)
		}
	}
}

func TestParseSpan(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "24h": 24 * time.Hour, "3d": 72 * time.Hour, "2w": 14 * 24 * time.Hour, "0": 0,
	} {
		if got, err := quarantine.ParseSpan(value); err != nil || got != want {
			t.Errorf("%q: %s, %v", value, got, err)
		}
	}
	for _, value := range []string{"", "soon", "-1h", "-1d", "d", "1.5d", "9999999999999w", "1h\x1b[2J", strings.Repeat("9", 1000)} {
		if _, err := quarantine.ParseSpan(value); !errors.Is(err, quarantine.ErrInvalid) || strings.Contains(err.Error(), "\x1b") || len(err.Error()) > 200 {
			t.Errorf("%q: %v", value, err)
		}
	}
}
