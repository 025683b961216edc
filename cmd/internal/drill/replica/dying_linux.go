package replica

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// followsBadPointer reads a page that may not be read.
func followsBadPointer(context.Context, *scene) error {
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return fmt.Errorf("map a page: %w", err)
	}
	return fmt.Errorf("read %d", page[0])
}

// aborts sends SIGABRT to the calling thread, as abort of C does.
func aborts(ctx context.Context, _ *scene) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGABRT); err != nil {
		return fmt.Errorf("raise SIGABRT: %w", err)
	}
	return wait(ctx)
}
