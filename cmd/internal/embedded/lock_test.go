package embedded_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/theriac/theriac/cmd/internal/embedded"
	"github.com/theriac/theriac/internal/problem"
)

func TestClaim_RefusesTheSecondAndNamesTheFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	parent, _ := startParent(t, dir)
	_, err := embedded.Claim(dir, "theriac demo")
	held, ok := errors.AsType[*embedded.HeldError](err)
	if !ok || held.PID != parent.Process.Pid || held.Command != "test parent" || problem.Of(err) != problem.Refused {
		t.Errorf("Claim = %v, want a *HeldError that names process %d", err, parent.Process.Pid)
	}
}

func TestClaim_IsFreeAfterRelease(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "deep")
	for range 2 {
		lock, err := embedded.Claim(dir, "theriac demo")
		if err != nil {
			t.Fatal(err)
		}
		if err := lock.Release(); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory is %v, %v; want mode 0700", info, err)
	}
}

func TestClaim_BadDirectory(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below"), "/proc/theriac"} {
		_, err := embedded.Claim(dir, "theriac demo")
		if problem.Of(err) != problem.Invalid || !strings.Contains(fmt.Sprint(err), dir) || !strings.Contains(fmt.Sprint(err), "--data-dir") {
			t.Errorf("Claim(%s) = %v, want Invalid that names it and --data-dir", dir, err)
		}
	}
}
