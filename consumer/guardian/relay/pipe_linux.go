package relay

import (
	"os"
	"syscall"
)

// setPipeSize is F_SETPIPE_SZ of fcntl(2), which package syscall does not name.
const setPipeSize = 1031

// enlarge asks for a larger pipe. A refusal (a bound per user, /proc/sys/fs/pipe-user-pages-soft)
// only means that bursts are dropped earlier.
func enlarge(f *os.File) {
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		_, _, _ = syscall.Syscall(syscall.SYS_FCNTL, fd, setPipeSize, PipeBytes)
	})
}
