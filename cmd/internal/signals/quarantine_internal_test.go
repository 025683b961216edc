package signals

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/theriac/theriac/quarantine"
)

// said is what a store says of its notices.
type said struct {
	stats quarantine.NoticeStats
	err   error
}

func (s said) NoticeStats(context.Context) (quarantine.NoticeStats, error) { return s.stats, s.err }

// TestNoticesOf_NothingIsLateWhereNobodyTells: a store counts what is untold whether or not there is a
// notifier, and an installation that never had one would be alerted for ever.
func TestNoticesOf_NothingIsLateWhereNobodyTells(t *testing.T) {
	t.Parallel()
	held, away := time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC), errors.New("away")
	for name, tt := range map[string]struct {
		said said
		want time.Time
	}{
		"never a notifier":       {said{stats: quarantine.NoticeStats{Due: 1, Oldest: held}}, time.Time{}},
		"a notifier is gone":     {said{stats: quarantine.NoticeStats{Due: 1, Oldest: held, Led: held}}, held},
		"a notifier is late":     {said{stats: quarantine.NoticeStats{Due: 1, Oldest: held, Led: held, Holder: "n"}}, held},
		"a notifier told it all": {said{stats: quarantine.NoticeStats{Led: held, Holder: "n"}}, time.Time{}},
		"the store is away":      {said{err: away}, time.Time{}},
	} {
		got, err := NoticesOf(tt.said)(t.Context())
		if !got.Equal(tt.want) || !errors.Is(err, tt.said.err) {
			t.Errorf("%s: since %v, %v; want %v, %v", name, got, err, tt.want, tt.said.err)
		}
	}
}
