//go:build !linux && !darwin

package inflight

import (
	"errors"
	"os"
)

// memoryFile is not available: the caller takes a temporary file without a name.
func memoryFile(int64) (*os.File, error) { return nil, errors.ErrUnsupported }

// allocate gives f its size and its space on the disk.
func allocate(f *os.File, size int64) error { return zeroFill(f, size) }
