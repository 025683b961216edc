//go:build unix

package guardian

import (
	"syscall"
	"time"

	"github.com/theriac/theriac/consumer/guardian/verdict"
)

// askForDump ends a child for a reason of the guardian's own, with a trace of all its goroutines if it
// can still write one.
func (p *parent) askForDump(c *child, why verdict.Ended) {
	if c.exited || !c.killAt.IsZero() {
		return
	}
	c.ended, c.killAt = why, time.Now().Add(traceTime)
	_ = c.process.Signal(syscall.SIGQUIT)
}
