//go:build linux

package localfile_test

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/theriac/theriac/internal/localfile"
	"github.com/theriac/theriac/internal/runner"
)

func TestWaitLock_OneAtATime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	var group runner.Group
	var inside, held atomic.Int64
	for range 8 {
		group.Go(func() {
			lock, err := localfile.WaitLock(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			if inside.Add(1) != 1 {
				t.Error("two hold it")
			}
			held.Add(1)
			inside.Add(-1)
			lock.Release()
		})
	}
	group.Wait()
	if held.Load() != 8 {
		t.Errorf("%d of 8 held it", held.Load())
	}
}

func TestWaitLock_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := localfile.WaitLock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := localfile.WaitLock(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("while another holds it: %v", err)
	}
	if _, err := localfile.WaitLock(t.Context(), filepath.Join(path, "x")); err == nil {
		t.Error("a file below a file was locked")
	}
}

func TestRefuseNetworkDrive(t *testing.T) {
	t.Parallel()
	if err := localfile.RefuseNetworkDrive(t.TempDir()); err != nil {
		t.Error(err)
	}
	if err := localfile.RefuseNetworkDrive(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
	for _, magic := range []int64{0x6969, 0x517b, -0xacb2be, 0xff534d42, 0xfe534d42} { // one sign-extended, as on some systems
		if err := localfile.RefuseType("/mnt", magic); !errors.Is(err, localfile.ErrNetworkDrive) {
			t.Errorf("%#x: %v, want ErrNetworkDrive", magic, err)
		}
	}
	for _, magic := range []int64{0xef53, 0x58465342, 0x01021994, 0x794c7630} { // ext4, xfs, tmpfs, overlay
		if err := localfile.RefuseType("/mnt", magic); err != nil {
			t.Errorf("%#x: %v", magic, err)
		}
	}
}

func TestIsLocked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	check := func(when string, want bool) {
		t.Helper()
		if locked, err := localfile.IsLocked(path); err != nil || locked != want {
			t.Errorf("%s: %v, %v, want %v", when, locked, err, want)
		}
	}
	check("before there is a file", false)
	lock, err := localfile.TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	check("while it is held", true)
	if _, err := localfile.TryLock(path); !errors.Is(err, localfile.ErrHeld) {
		t.Errorf("a second: %v, want ErrHeld", err)
	}
	lock.Release()
	check("after it", false)
	if _, err := localfile.IsLocked(filepath.Join(path, "x")); err == nil {
		t.Error("a file below a file can be looked at")
	}
}
