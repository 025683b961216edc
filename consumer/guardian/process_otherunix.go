//go:build unix && !linux

package guardian

import (
	"os"
	"syscall"
)

func executable() string {
	path, err := os.Executable()
	if err != nil {
		return arguments()[0]
	}
	return path
}

// childAttributes: the end of the control connection is all that tells a child of its guardian's
// death.
func childAttributes() *syscall.SysProcAttr { return nil }

func traced() bool { return false }
