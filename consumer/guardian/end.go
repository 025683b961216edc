//go:build unix

package guardian

import (
	"io"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/theriac/theriac/consumer/guardian/crashtrace"
	"github.com/theriac/theriac/consumer/guardian/verdict"
)

const (
	// dumpTime is how long a child may take to end after it was asked for a dump.
	dumpTime = 2 * time.Second
	// dumpPatience is how long the guardian waits for the first byte before it asks in another way.
	// A dump begins within 10 ms of the signal (measured).
	dumpPatience = 200 * time.Millisecond
)

// askForDump ends a child for a reason of the guardian's own, with a trace of all its goroutines if it
// can still write one. One that is dying already is left to it.
//
//	SIGQUIT, to the main thread ── 200 ms, nothing came ──► SIGTRAP ── 2 s since the first ──► SIGKILL
//
// A signal to the whole process may meet a thread that C made, where the runtime lets it kill the
// process without a trace: one in ten times with twenty such threads (measured). The main thread is
// always one of Go's. The program may have asked for SIGQUIT (os/signal), or be started with it
// blocked: then SIGTRAP, which the runtime lets through and nobody asks for, has the same effect.
// Both are lost on a process that handles every signal, and on one that meets a fatal error in the
// same moment: those two may wait for each other for ever within the runtime (6 of 100, measured).
func (p *parent) askForDump(c *child, why verdict.Ended) {
	if c.exited || !c.killAt.IsZero() && c.ended != verdict.EndedRecycle {
		return
	}
	c.ended, c.killAt = why, time.Now().Add(dumpTime)
	_ = c.quit()
	p.readers.Go(func() { p.remind(c) })
}

// remind tells the loop when a child that was asked for a dump has had time to begin.
func (p *parent) remind(c *child) {
	patience := time.NewTimer(dumpPatience)
	defer patience.Stop()
	select {
	case <-patience.C:
		p.tell(event{kind: eventUnanswered, child: c})
	case <-p.ended:
	}
}

// askAgain asks a child that has not begun to answer.
func (p *parent) askAgain(c *child) {
	if c.exited || c.role.child != c || c.spoke.Load() {
		return
	}
	p.log.Warn("role does not answer SIGQUIT; it is sent SIGTRAP", "role", c.role.cfg.Name, "pid", c.pid)
	_ = c.process.Signal(syscall.SIGTRAP)
}

// dying gives a child the time to write the rest of its trace. One that is ended for its memory is not
// given more than it had: threads of C run on, and may still allocate.
func (c *child) dying() {
	if c.ended != verdict.EndedMemory {
		c.killAt = time.Now().Add(traceTime)
	}
}

// endedBy returns the guardian's part in a death. A child whose trace tells of something else than
// the guardian's signals was quicker, and died of that.
func (e *evidence) endedBy() verdict.Ended {
	switch e.ended {
	case verdict.EndedMemory, verdict.EndedHang, verdict.EndedStill:
	default:
		return e.ended
	}
	switch t := e.trace; {
	case t.First.ID == 0, t.Kind == crashtrace.KindQuit, t.Kind == crashtrace.KindSignal && t.Signal.Name == "SIGTRAP":
		return e.ended
	default:
		return verdict.EndedNot
	}
}

// hearing is a reader that notes that something came.
type hearing struct {
	io.Reader
	heard *atomic.Bool
}

func (h hearing) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if n > 0 {
		h.heard.Store(true)
	}
	return n, err
}
