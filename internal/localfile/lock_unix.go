//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package localfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// Lock is a lock that lives with an open file. The kernel frees it when the process dies.
type Lock struct{ file *os.File }

// WaitLock locks the file at path, which is made if there is none, as soon as it is free or until ctx
// ends. Two locks of one file exclude each other also within one process.
func WaitLock(ctx context.Context, path string) (*Lock, error) {
	const pause = 5 * time.Millisecond
	for {
		lock, err := TryLock(path)
		if !errors.Is(err, ErrHeld) {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %s: %w", path, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// TryLock locks the file at path, which is made if there is none, or returns an error that wraps
// [ErrHeld].
func TryLock(path string) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(file, syscall.LOCK_EX); err != nil {
		_ = file.Close() // nothing was written
		return nil, err
	}
	return &Lock{file}, nil
}

// Release frees the lock and keeps the file: one that waits may have it open.
func (l *Lock) Release() { _ = l.file.Close() } // nothing was written

// IsLocked reports whether somebody holds the lock of the file at path. A file that is gone is held by
// nobody.
func IsLocked(path string) (bool, error) {
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
	case errors.Is(err, ErrHeld):
		return true, nil
	default:
		return false, err
	}
}

func flock(file *os.File, how int) error {
	for {
		err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrHeld
		case err != nil:
			return &fs.PathError{Op: "lock", Path: file.Name(), Err: err}
		}
		return nil
	}
}
