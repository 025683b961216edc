package embedded

import "syscall"

// childAttributes ties the child to this process: the kernel kills it when its parent dies. A
// process group of its own keeps the terminal's Ctrl-C from it, so that it outlives the draining.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
