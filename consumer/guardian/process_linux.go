package guardian

import (
	"bytes"
	"os"
	"syscall"
)

// executable names this binary, also after a deploy replaced its file.
func executable() string { return "/proc/self/exe" }

// childAttributes has the kernel end a child whose guardian died. The child stays in the guardian's
// process group, so that Ctrl-C reaches all.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// traced reports whether a debugger is attached to this process.
func traced() bool {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false
	}
	_, rest, found := bytes.Cut(status, []byte("\nTracerPid:\t"))
	return found && !bytes.HasPrefix(rest, []byte("0\n"))
}
