package inflight

import "golang.org/x/sys/unix"

// advise asks for two things that may be refused without harm. Random access: otherwise a touched
// page of a disk file brings its whole neighbourhood into memory, until all 64 MiB are resident. No
// part in core dumps: these are other people's messages, and memory without a name is dumped by
// default.
func advise(memory []byte) {
	_ = unix.Madvise(memory, unix.MADV_RANDOM)
	_ = unix.Madvise(memory, unix.MADV_DONTDUMP)
}
