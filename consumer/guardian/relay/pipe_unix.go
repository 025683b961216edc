//go:build unix

package relay

import "syscall"

// prepare makes fd one that os.NewFile gives to the poller, which is what deadlines need, and
// keeps it from the worker's own children, which would hold the guardian's end open.
func prepare(fd uintptr) error {
	syscall.CloseOnExec(int(fd))
	return syscall.SetNonblock(int(fd), true)
}
