//go:build unix

package inflight

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps f shared. The mapping needs no descriptor, so a handler that closes ours does no harm;
// that the descriptor is closed on exec keeps it from the worker's own children.
func mapFile(f *os.File, size int) ([]byte, error) {
	fd := int(f.Fd())
	unix.CloseOnExec(fd)
	memory, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	advise(memory)
	return memory, nil
}

func unmap(memory []byte) error { return os.NewSyscallError("munmap", unix.Munmap(memory)) }
