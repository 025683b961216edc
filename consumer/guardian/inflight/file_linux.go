package inflight

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// memoryFile makes a file in memory, of which only touched pages count. It is sealed: nobody can
// cut it under those who mapped it.
func memoryFile(size int64) (*os.File, error) {
	fd, err := unix.MemfdCreate("theriac-inflight", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "theriac-inflight")
	if err := errors.Join(f.Truncate(size), seal(fd)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func seal(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	return os.NewSyscallError("fcntl", err)
}

// allocate gives f its size and its space on the disk. A sparse file would do until the disk is
// full; then the touch of a hole is a SIGBUS on the goroutine of a message that did nothing wrong.
func allocate(f *os.File, size int64) error {
	err := retry(func() error { return unix.Fallocate(int(f.Fd()), 0, 0, size) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return zeroFill(f, size)
	}
	return os.NewSyscallError("fallocate", err)
}

func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
