//go:build !unix

package crashrecord

import (
	"errors"
	"syscall"
)

// lacksRoom reports whether a smaller record might still be written.
func lacksRoom(err error) bool {
	const (
		writeProtected = syscall.Errno(19)
		handleDiskFull = syscall.Errno(39)
		diskFull       = syscall.Errno(112)
	)
	for _, no := range [...]syscall.Errno{writeProtected, handleDiskFull, diskFull} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// syncDirectory does nothing: Windows cannot sync a directory, and NTFS keeps
// renames in its journal.
func syncDirectory(string) error { return nil }
