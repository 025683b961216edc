//go:build unix

package embedded

import (
	"errors"
	"os"
	"syscall"
)

// errHeld says that another has a lock that does not go with the one that was asked for.
const errHeld = syscall.EWOULDBLOCK

// lockFile takes a lock that ends with the process, and never waits.
func lockFile(file *os.File, exclusive bool) error {
	how := syscall.LOCK_SH
	if exclusive {
		how = syscall.LOCK_EX
	}
	for {
		err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// freeBytes is how much room this user has on the disk of a folder.
func freeBytes(dir string) (int64, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0, err
	}
	return int64(uint64(fs.Bavail) * uint64(fs.Bsize)), nil
}
