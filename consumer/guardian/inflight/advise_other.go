//go:build unix && !linux

package inflight

import "golang.org/x/sys/unix"

// advise asks for random access, without which neighbours of a touched page become resident too. It
// may be refused without harm.
func advise(memory []byte) { _ = unix.Madvise(memory, unix.MADV_RANDOM) }
