package embedded

import (
	"math"
	"os"
	"syscall"
	"unsafe"
)

// errHeld says that another has a lock that does not go with the one that was asked for.
const errHeld = syscall.Errno(33) // ERROR_LOCK_VIOLATION

// lockFile takes a lock that ends with the process, and never waits. What is locked cannot be read
// here either, so it is a byte far behind the note.
func lockFile(file *os.File, exclusive bool) error {
	const failImmediately, exclusively = 1, 2
	flags := uintptr(failImmediately)
	if exclusive {
		flags |= exclusively
	}
	at := syscall.Overlapped{OffsetHigh: 1 << 20}
	proc := syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")
	if ok, _, err := proc.Call(file.Fd(), flags, 0, 1, 0, uintptr(unsafe.Pointer(&at))); ok == 0 {
		return err
	}
	return nil
}

// freeBytes is how much room this user has on the disk of a folder.
func freeBytes(dir string) (int64, error) {
	name, err := syscall.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	proc := syscall.NewLazyDLL("kernel32.dll").NewProc("GetDiskFreeSpaceExW")
	if ok, _, err := proc.Call(uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(&free)), 0, 0); ok == 0 {
		return 0, err
	}
	return int64(min(free, math.MaxInt64)), nil
}
