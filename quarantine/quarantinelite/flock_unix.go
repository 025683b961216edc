//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package quarantinelite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// fileLock is a lock that lives with an open file. The kernel frees it when the
// process dies.
type fileLock struct{ file *os.File }

// errHeld: somebody else holds the lock.
var errHeld = errors.New("the lock is held by another process")

// tryLock makes the file if there is none and locks it, or returns errHeld.
func tryLock(path string) (*fileLock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(file, syscall.LOCK_EX); err != nil {
		_ = file.Close() // nothing was written
		return nil, err
	}
	return &fileLock{file}, nil
}

// waitLock locks the file as soon as it is free.
func waitLock(ctx context.Context, path string) (*fileLock, error) {
	const pause = 5 * time.Millisecond
	for {
		lock, err := tryLock(path)
		if !errors.Is(err, errHeld) {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %s: %w", path, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// isLocked reports whether somebody holds the lock of the file. A file that is
// gone is held by nobody.
func isLocked(path string) (bool, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = file.Close() }() // nothing was written; frees the lock
	// A shared lock does not disturb others who look at the same time.
	switch err := flock(file, syscall.LOCK_SH); {
	case errors.Is(err, errHeld):
		return true, nil
	default:
		return false, err
	}
}

// release frees the lock and keeps the file: one that waits may have it open.
func (l *fileLock) release() { _ = l.file.Close() } // nothing was written

func flock(file *os.File, how int) error {
	for {
		err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errHeld
		case err != nil:
			return &fs.PathError{Op: "lock", Path: file.Name(), Err: err}
		}
		return nil
	}
}
