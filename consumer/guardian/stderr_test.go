//go:build unix

package guardian_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/theriac/theriac/consumer/guardian"
)

// chatter is a program with much to say on standard error, whose guardian logs to standard output.
func chatter() program {
	cfg := guardian.Config{
		Roles: []guardian.RoleConfig{{Name: "worker"}}, RestartPause: time.Millisecond, StopTimeout: 5 * time.Second,
		Logger: slog.New(slog.NewTextHandler(os.Stdout, nil)),
	}
	return program{cfg, func(ctx context.Context, r guardian.Role) error {
		r.Ready()
		line := strings.Repeat("x", 1<<10)
		for range 1000 {
			if _, err := fmt.Fprintln(os.Stderr, line); err != nil {
				return err
			}
		}
		say(r, "said it all")
		<-ctx.Done()
		return nil
	}}
}

// TestStandardError_ThatTakesNothing: a full disk, or a reader that is gone, costs the lines and no
// process.
func TestStandardError_ThatTakesNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		open func() (*os.File, error)
		says string
	}{
		"full disk": {func() (*os.File, error) { return os.OpenFile("/dev/full", os.O_WRONLY, 0) }, "no space left on device"},
		"no reader": {func() (*os.File, error) {
			r, w, err := os.Pipe()
			if err == nil {
				err = r.Close()
			}
			return w, err
		}, "broken pipe"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stderr, err := tc.open()
			if err != nil {
				t.Skipf("cannot open a file that takes nothing: %v", err)
			}
			defer stderr.Close()
			g := startWith(t, "chatter", stderr)
			worker := loggedPID(t, g.until(t, "role started"))
			g.until(t, "standard error", tc.says)
			if who := pid(t, g.until(t, "said it all")); who != worker {
				t.Errorf("the first worker, %d, died of what it said; %d went on", worker, who)
			}
			g.signal(t, syscall.SIGTERM)
			if code := g.exit(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}
