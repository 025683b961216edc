package incidents

import "syscall"

// childAttributes ties the service to this process: the kernel kills it when its parent dies. A process
// group of its own keeps the terminal's Ctrl-C from it; it is stopped in order.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
