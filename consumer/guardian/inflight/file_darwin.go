package inflight

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// memoryFile is not available: the caller takes a temporary file without a name.
func memoryFile(int64) (*os.File, error) { return nil, errors.ErrUnsupported }

// allocate gives f its space on the disk, then its size. In a sparse file on a full disk the touch
// of a hole is a SIGBUS on the goroutine of a message that did nothing wrong.
func allocate(f *os.File, size int64) error {
	space := unix.Fstore_t{Flags: unix.F_ALLOCATEALL, Posmode: unix.F_PEOFPOSMODE, Length: size}
	err := unix.FcntlFstore(f.Fd(), unix.F_PREALLOCATE, &space)
	if errors.Is(err, unix.ENOTSUP) {
		return zeroFill(f, size)
	}
	if err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	return f.Truncate(size)
}
