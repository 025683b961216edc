package guardian

import "golang.org/x/sys/unix"

// quit sends SIGQUIT to the main thread. The loop buries children, so the number is still the child's.
func (c *child) quit() error { return unix.Tgkill(c.pid, c.pid, unix.SIGQUIT) }
