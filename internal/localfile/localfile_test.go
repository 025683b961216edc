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
	cifs := int64(0xff534d42)
	for _, magic := range []int64{0x6969, cifs, int64(int32(uint32(cifs)))} { // sign-extended on some systems
		if err := localfile.RefuseType("x", magic); !errors.Is(err, localfile.ErrNetworkDrive) {
			t.Errorf("%#x: %v", magic, err)
		}
	}
}
