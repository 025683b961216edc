//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package quarantinelite

import (
	"context"
	"errors"
	"fmt"
)

// fileLock cannot be had here: this system has no lock that ends with its
// process and can be asked for by others.
type fileLock struct{}

func tryLock(path string) (*fileLock, error) {
	return nil, fmt.Errorf("lock %s: the embedded store needs a Unix system, use Postgres here: %w", path, errors.ErrUnsupported)
}

func waitLock(_ context.Context, path string) (*fileLock, error) { return tryLock(path) }

func isLocked(path string) (bool, error) {
	_, err := tryLock(path)
	return false, err
}

func (l *fileLock) release() {}
