//go:build !linux

package drill

import "syscall"

// childAttributes gives the replica a process group of its own, which keeps the terminal's Ctrl-C
// from it; it is stopped in order.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
