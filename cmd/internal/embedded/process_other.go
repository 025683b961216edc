//go:build !linux

package embedded

import "syscall"

// childAttributes gives the child a process group of its own, which keeps the terminal's Ctrl-C
// from it. Here the pipe alone tells it that its parent died.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
