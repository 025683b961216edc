//go:build !linux

package incidents

import "syscall"

// childAttributes gives the service a process group of its own, which keeps the terminal's Ctrl-C from
// it; it is stopped in order.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
