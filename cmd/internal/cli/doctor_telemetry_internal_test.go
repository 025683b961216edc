package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/guardian/relay"
)

func TestDoctor_Telemetry(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	down := relay.HostStats{Host: "https://o1.ingest.sentry.io", Waiting: 14, Problem: "connection refused"}
	tests := []struct {
		name string
		told guardian.RelayStats
		want level
		says string
	}{
		{"well", guardian.RelayStats{At: now, Stats: relay.Stats{Delivered: 90}}, levelOK, "90 requests delivered"},
		{"just on their way", guardian.RelayStats{At: now, Stats: relay.Stats{Waiting: 1, Hosts: []relay.HostStats{{Host: "h", Waiting: 1}}}}, levelOK, "nothing lost"},
		{"Sentry is down", guardian.RelayStats{At: now, Stats: relay.Stats{Waiting: 14, Hosts: []relay.HostStats{down}}}, levelWarn,
			"14 requests wait for https://o1.ingest.sentry.io: connection refused"},
		{"lost", guardian.RelayStats{At: now, Stats: relay.Stats{Refused: 1, GivenUp: 2, Expired: 3, Evicted: 4, Lost: 5}}, levelWarn,
			"15 requests were dropped since 0001-01-01 00:00Z: refused 1, given up 2, too old 3, no room 9, damaged 0"},
		{"cut off by a death", guardian.RelayStats{At: now, Stats: relay.Stats{Delivered: 9, Cut: 1, Corrupt: 2, TooLarge: 3, Unknown: 4}}, levelWarn,
			"10 requests were dropped since 0001-01-01 00:00Z: refused 0, given up 0, too old 0, no room 0, damaged 10"},
		{"no guardian any more", guardian.RelayStats{At: now.Add(-time.Hour)}, levelOK, "no guardian relays now"},
		{"and it left something", guardian.RelayStats{At: now.Add(-time.Minute), Stats: relay.Stats{Waiting: 2}}, levelWarn, "2 requests wait"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := telemetryOf(tt.told, now)
			if got.Level != tt.want || !strings.Contains(got.Text, tt.says) || (got.Level == levelOK) != (got.Fix == "") {
				t.Errorf("found %+v, want %s and %q", got, tt.want, tt.says)
			}
		})
	}
}

func TestDoctor_Telemetry_OnlyWhereAGuardianRelays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := &doctor{t: newTool(nil, Streams{}), settings: config.Settings{}, state: dir}
	if got, ok := d.telemetry(); ok {
		t.Errorf("found %+v without a guardian", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "relay.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, ok := d.telemetry(); !ok || got.Level != levelFail {
		t.Errorf("found %+v where the numbers are damaged", got)
	}
}
