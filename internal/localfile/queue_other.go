//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package localfile

import (
	"context"
	"errors"
	"fmt"
)

// Queue cannot be had here: this system has no lock that ends with its process.
type Queue struct{}

// OpenQueue returns an error that wraps errors.ErrUnsupported.
func OpenQueue(path string) (*Queue, error) {
	return nil, fmt.Errorf("lock %s: the embedded store needs a Unix system, use Postgres here: %w", path, errors.ErrUnsupported)
}

// Enter returns an error that wraps errors.ErrUnsupported.
func (q *Queue) Enter(context.Context) (leave func(), err error) { return nil, errors.ErrUnsupported }

// Close does nothing.
func (q *Queue) Close() error { return nil }
