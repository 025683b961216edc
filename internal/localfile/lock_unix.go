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

// errHeld: somebody else holds the lock.
var errHeld = errors.New("the lock is held by another process")

// WaitLock locks the file at path, which is made if there is none, as soon as it is free or until ctx
// ends. Two locks of one file exclude each other also within one process.
func WaitLock(ctx context.Context, path string) (*Lock, error) {
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

func tryLock(path string) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(file); err != nil {
		_ = file.Close() // nothing was written
		return nil, err
	}
	return &Lock{file}, nil
}

// Release frees the lock and keeps the file: one that waits may have it open.
func (l *Lock) Release() { _ = l.file.Close() } // nothing was written

func flock(file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
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
