package demo_test

import (
	"strings"
	"syscall"
	"testing"
)

func TestDemo_FullDisk_SaysSoAndGoesOnWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mount := func(size string, flags uintptr) {
		t.Helper()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, "size="+size); err != nil {
			t.Skipf("needs the right to mount a small file system (run as root outside a container): %v", err)
		}
	}
	mount("8m", 0)
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	stdout, stderr, code := output(t, theriac(t, "demo", "--messages", "40", "--data-dir", dir))
	if code != 7 || stdout != "" || !strings.Contains(stderr, "8 MiB free") && !strings.Contains(stderr, "7 MiB free") {
		t.Errorf("on a small disk: exit code %d, %q; want 7 and how much is free", code, stderr)
	}
	if left := processes(t, dir); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	mount("128m", syscall.MS_REMOUNT)
	stdout, stderr, code = output(t, theriac(t, "demo", "--json", "--data-dir", dir))
	if code != 0 {
		t.Fatalf("with room: exit code %d: %s", code, stderr)
	}
	checkComplete(t, decode(t, stdout), 40)
}
