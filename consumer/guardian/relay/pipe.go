package relay

import (
	"fmt"
	"os"
)

// PipeBytes is the capacity that Pipe asks for: a burst of requests fits while the guardian is
// busy elsewhere. It is what Linux grants to anybody (/proc/sys/fs/pipe-max-size).
const PipeBytes = 1 << 20

// Pipe returns the two ends of a new pipe, r for [Forwarder.Read] and w to be inherited by the
// worker. On Linux its capacity is [PipeBytes] where the kernel grants it, else the system's own.
func Pipe() (r, w *os.File, err error) {
	r, w, err = os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("make the relay's pipe: %w", err)
	}
	enlarge(w)
	return r, w, nil
}

// Inherited returns the file of a descriptor that the guardian passed down, with deadlines and not
// inherited any further. It must be called once for a descriptor, which the file then owns.
func Inherited(fd uintptr) (*os.File, error) {
	if err := prepare(fd); err != nil {
		return nil, fmt.Errorf("use inherited descriptor %d as the relay's pipe: %w", fd, err)
	}
	file := os.NewFile(fd, "relay")
	if _, err := file.Stat(); err != nil {
		return nil, fmt.Errorf("use inherited descriptor %d as the relay's pipe: %w", fd, err)
	}
	return file, nil
}
