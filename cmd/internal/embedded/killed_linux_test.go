package embedded_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParentKilled_BrokerEndsAndTheNextTakesOverAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 3 {
		parent, endpoint := startParent(t, dir)
		gone := watch(t, endpoint.PID)
		if err := parent.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		gone()
	}
}

// watch returns a function that waits for the end of a process.
func watch(t *testing.T, pid int) (gone func()) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		defer unix.Close(fd)
		for {
			ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 5000)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil || ready != 1 {
				t.Errorf("process %d still lives after 5 s: %v", pid, err)
			}
			return
		}
	}
}
