//go:build unix

package guardian

import (
	"os"
	"time"

	"github.com/theriac/theriac/consumer/guardian/crashtrace"
	"github.com/theriac/theriac/consumer/guardian/verdict"
)

// event is something that a reader saw.
type event struct {
	kind  eventKind
	child *child
	tee   *os.File
	trace *crashtrace.Trace
	frame lineFrame
	alarm alarm
}

type eventKind uint8

const (
	eventReady  eventKind = iota
	eventSilent           // the control connection ended, or spoke nonsense
	eventTeeEnded
	eventTeeRead  // what a dead child wrote to standard error is in the tail
	eventDying    // the first block of a trace is there
	eventTrace    // all of it is
	eventLine     // a frame on the ward line
	eventNonsense // what is no frame there
	eventRecycle
	eventBeat       // time to feel for hearts
	eventMemory     // a child is near its limit
	eventUnanswered // a child was asked for a dump some time ago
)

// tell gives the loop an event, unless it is over.
func (p *parent) tell(e event) {
	select {
	case p.events <- e:
	case <-p.ended:
	}
}

// isOver reports whether nobody takes events any more.
func (p *parent) isOver() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// notice takes what a reader saw. A child may be gone by then.
func (p *parent) notice(e event) {
	switch e.kind {
	case eventTeeEnded:
		delete(p.tees, e.tee)
		p.heardAll(e.child)
	case eventTeeRead:
		p.heardAll(e.child)
	case eventDying:
		e.child.dying()
	case eventTrace:
		e.child.trace = e.trace
		p.conclude(e.child)
	case eventReady:
		p.nowReady(e.child)
	case eventMemory:
		p.tooMuch(e.alarm)
	case eventUnanswered:
		p.askAgain(e.child)
	case eventBeat:
		p.lookForHangs()
	case eventLine:
		if e.child.role.child == e.child && !e.child.exited {
			p.hearLine(e.child, e.frame)
		}
	case eventNonsense:
		if e.child.role.child == e.child && !e.child.exited {
			p.breakOff(e.child, "it talks nonsense on its ward line")
		}
	case eventRecycle:
		p.recycle(e.child)
	case eventSilent:
		// Its death tells the rest; a child that closed the connection and lives cannot be stopped
		// in order any more.
		if e.child.role.child == e.child && !p.stopping && !e.child.retired {
			p.log.Debug("role ended its control connection", "role", e.child.role.cfg.Name, "pid", e.child.pid)
		}
	}
}

// nowReady notes that a child serves.
func (p *parent) nowReady(c *child) {
	if c.ready {
		return
	}
	r := c.role
	c.ready, c.idleSince = true, time.Now()
	r.restarts.unready = 0
	p.note(r)("role is ready", "role", r.cfg.Name, "pid", c.pid, "after", time.Since(c.started).Round(time.Millisecond))
	if r.owner == nil && r.cfg.Slots > 0 {
		p.trim() // never before the next worker runs
	}
}

// recycle ends a child in order that asked to be replaced.
func (p *parent) recycle(c *child) {
	if c.role.child != c || !c.killAt.IsZero() {
		return
	}
	p.log.Warn("role asks to be replaced", "role", c.role.cfg.Name, "pid", c.pid)
	c.stop()
	c.ended, c.killAt = verdict.EndedRecycle, time.Now().Add(p.cfg.StopTimeout)
}
