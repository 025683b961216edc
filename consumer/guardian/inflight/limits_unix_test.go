//go:build unix

package inflight_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/theriac/theriac/consumer/guardian/inflight"
)

// createWithFileSizeLimit makes a table in the folder that is its argument, in a process whose files may
// not grow to its size.
func createWithFileSizeLimit() {
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
	must(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	_, err := inflight.Create(inflight.Config{Dir: os.Args[1]})
	if !errors.Is(err, syscall.EFBIG) {
		must(fmt.Errorf("Create in a limited process: %w", err))
	}
	os.Exit(0)
}

func TestCreate_WhereFilesCannotGrowIsAnErrorAndLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := exec.CommandContext(t.Context(), os.Args[0], dir)
	child.Env = append(os.Environ(), childRole+"=limited")
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, inflight.FileName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a part of the table was left behind: %v", err)
	}
}
