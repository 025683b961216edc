//go:build unix

package crashrecord

import (
	"errors"
	"os"
	"syscall"
)

// lacksRoom reports whether a smaller record might still be written.
func lacksRoom(err error) bool {
	for _, no := range [...]syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	err = directory.Sync()
	return errors.Join(err, directory.Close())
}
