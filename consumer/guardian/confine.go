//go:build unix

package guardian

import (
	"log/slog"
	"math"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// confine imposes limits on this process. Where the system refuses one the process goes on without
// it: it was protected less by not running at all.
func (c confinement) confine(log *slog.Logger) {
	if c.noCore {
		var limit unix.Rlimit
		err := unix.Getrlimit(unix.RLIMIT_CORE, &limit)
		if err == nil {
			limit.Cur = 0
			err = unix.Setrlimit(unix.RLIMIT_CORE, &limit)
		}
		if err != nil {
			log.Warn("cannot forbid core files", "error", err)
		}
	}
	if c.oomScore > 0 {
		if err := raiseOOMScore(c.oomScore); err != nil {
			log.Warn("cannot have the kernel choose this process first when memory runs out", "error", err)
		}
	}
	if c.memory > 0 {
		if !memoryLimitChosen() && debug.SetMemoryLimit(-1) == math.MaxInt64 {
			debug.SetMemoryLimit(percentOf(c.memory, collectPercent))
		}
		if err := limitData(c.memory); err != nil {
			log.Warn("cannot have the kernel refuse memory beyond the limit", "limit", c.memory, "error", err)
		}
	}
}
