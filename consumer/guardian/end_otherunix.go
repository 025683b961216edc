//go:build unix && !linux

package guardian

import "syscall"

// quit sends SIGQUIT: here a thread cannot be chosen.
func (c *child) quit() error { return c.process.Signal(syscall.SIGQUIT) }
