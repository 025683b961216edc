//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package localfile

import (
	"context"
	"errors"
	"fmt"
)

// Lock cannot be had here: this system has no lock that ends with its process.
type Lock struct{}

// WaitLock returns an error that wraps errors.ErrUnsupported.
func WaitLock(_ context.Context, path string) (*Lock, error) { return TryLock(path) }

// IsLocked returns an error that wraps errors.ErrUnsupported.
func IsLocked(path string) (bool, error) {
	_, err := TryLock(path)
	return false, err
}

// TryLock returns an error that wraps errors.ErrUnsupported.
func TryLock(path string) (*Lock, error) {
	return nil, fmt.Errorf("lock %s: the embedded store needs a Unix system, use Postgres here: %w", path, errors.ErrUnsupported)
}

// Release does nothing.
func (l *Lock) Release() {}
