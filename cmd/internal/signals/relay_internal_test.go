package signals

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/guardian/relay"
	"github.com/theriac/theriac/consumer/telemetry"
)

// TestRelayOf_TellsEachLossOnce, however many processes of the role tell of one guardian.
func TestRelayOf_TellsEachLossOnce(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	var told guardian.RelayStats
	failed := error(fs.ErrNotExist)
	r := &relayed{read: func() (guardian.RelayStats, error) { return told, failed }, began: began}
	if _, err := r.stats(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without numbers: %v", err)
	}
	failed = nil
	want := func(what string, want telemetry.RelayStats) {
		t.Helper()
		if got, err := r.stats(); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", what, got, err, want)
		}
	}
	// What a guardian left that is gone is not told, nor taken for the next one's.
	told = guardian.RelayStats{Since: began.Add(-time.Hour), Stats: relay.Stats{Delivered: 90, Expired: 9, Waiting: 1}}
	want("of a guardian that is gone", telemetry.RelayStats{Waiting: 1})
	told = guardian.RelayStats{Since: began.Add(-time.Second), Stats: relay.Stats{Delivered: 5, Expired: 2, Cut: 1, Corrupt: 1}}
	want("of its own", telemetry.RelayStats{Delivered: 5, Expired: 2, Damaged: 2})

	// The next process of the role begins where the one before it ended.
	r = &relayed{read: r.read, began: began.Add(time.Minute)}
	want("of the successor", telemetry.RelayStats{})
	told.Expired, told.Lost, told.GivenUp, told.Evicted, told.Refused, told.Waiting = 3, 1, 1, 1, 1, 4
	want("of the successor, later", telemetry.RelayStats{Expired: 1, Lost: 1, GivenUp: 1, Evicted: 1, Refused: 1, Waiting: 4})
}
