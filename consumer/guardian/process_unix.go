//go:build unix

package guardian

import (
	"os"
	"syscall"
)

// supported says that this platform has a guardian.
const supported = true

// stopSignals end the program in order.
func stopSignals() []os.Signal { return []os.Signal{syscall.SIGTERM, syscall.SIGINT} }

// passedSignals mean something to the program and nothing to the guardian.
func passedSignals() []os.Signal {
	return []os.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2}
}
