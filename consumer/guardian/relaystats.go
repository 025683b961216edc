package guardian

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/theriac/theriac/consumer/guardian/relay"
)

// relayStatsName is the file in the state directory that tells other processes how the relay does.
const relayStatsName = "relay.json"

// relayStatsEvery is how often that is told.
const relayStatsEvery = 5 * time.Second

// RelayStats are the numbers of a guardian's relay as a process of any role can read them, for metrics:
// what was delivered, and above all what was lost and why.
type RelayStats struct {
	relay.Stats
	// Since is when the guardian began to count.
	Since time.Time
	// At is when they were taken. They are renewed every 5 s: old ones are of a guardian that is gone.
	At time.Time
}

// ReadRelayStats reads the numbers of the relay of the guardian whose StateDir that is. The error wraps
// fs.ErrNotExist before there are any.
func ReadRelayStats(stateDir string) (s RelayStats, err error) {
	text, err := readBounded(filepath.Join(stateDir, relayStatsName), maxRelayStats)
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return RelayStats{}, fmt.Errorf("read the numbers of the relay: %w", err)
	}
	return s, nil
}

// RelayStats reads the numbers of the relay of this process's guardian. The error wraps fs.ErrNotExist
// without a guardian, and while it has told none.
func (r Role) RelayStats() (RelayStats, error) {
	if r.told.StateDir == "" {
		return RelayStats{}, fmt.Errorf("read the numbers of the relay: there is no state directory: %w", fs.ErrNotExist)
	}
	return ReadRelayStats(r.told.StateDir)
}

// maxRelayStats bounds the file: a few hosts, each with the problem that it had.
const maxRelayStats = 1 << 20

func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// writeRelayStats replaces the file, so that readers see the old numbers or the new ones.
func writeRelayStats(dir string, s RelayStats) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, relayStatsName)
	if err := os.WriteFile(path+".tmp", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}
