//go:build unix

package guardian

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/consumer/guardian/relay"
	"github.com/theriac/theriac/internal/runner"
)

// TestPublishRelayStats_GoesOnAfterAFailure: what is told for metrics is not old for ever because a disk
// was full once.
func TestPublishRelayStats_GoesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		forwarder, err := relay.New(relay.Config{})
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		p := &parent{log: slog.New(slog.NewTextHandler(&log, nil)), state: &stateDir{path: filepath.Join(dir, "state")}}
		ctx, cancel := context.WithCancel(t.Context())
		var running runner.Group
		running.Go(func() { p.publishRelayStats(ctx, forwarder) })
		pass := func(d time.Duration) {
			<-time.After(d)
			synctest.Wait()
		}
		pass(time.Minute)
		if _, err := ReadRelayStats(p.state.path); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("without a directory: %v", err)
		}
		if err := os.Mkdir(p.state.path, 0o700); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if s, err := ReadRelayStats(p.state.path); err != nil || time.Since(s.At) > relayStatsEvery {
			t.Errorf("afterwards: numbers of %v, %v; want new ones", s.At, err)
		}
		cancel()
		running.Wait()
		if err := forwarder.Close(); err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "cannot tell"); n != 1 {
			t.Errorf("told %d times that it failed, want once:\n%s", n, log.String())
		}
	})
}
