//go:build unix

package guardian

import (
	"time"

	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/consumer/guardian/verdict"
)

// beatEvery is how often a child that runs handlers says that it still does things, and the guardian
// looks whether it does.
const beatEvery = time.Second

// beat says so until the process ends. A process in which no goroutine gets its turn, as while one
// clears the memory of a huge slice, is silent.
func beat(table *inflight.Mapping) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		table.Heartbeat()
		<-tick.C
	}
}

// pulse is what the guardian heard of one child's heart.
type pulse struct {
	last   time.Time
	silent time.Duration // how long it has not moved, as far as the guardian was awake to see
}

// feel takes one look, and reports whether the child has been silent for as long as it may. The
// guardian counts its own looks and not the clock's time: what stops it and the child together, such
// as a container that is frozen, is nobody's hang.
func (p *pulse) feel(heartbeat time.Time, most time.Duration) bool {
	if heartbeat.IsZero() || !heartbeat.Equal(p.last) {
		p.last, p.silent = heartbeat, 0
		return false
	}
	p.silent += beatEvery
	return p.silent >= most
}

// feelPulses looks after children that answer to nobody any more, until nobody takes events. A hanging
// handler alone is its own process's business; this is for a process that hangs as a whole.
func (p *parent) feelPulses() {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.tell(event{kind: eventBeat})
		case <-p.ended:
			return
		}
	}
}

// lookForHangs ends children whose hearts have stopped. Wards have a limit for each message.
func (p *parent) lookForHangs() {
	for _, r := range p.roles {
		c := r.child
		if r.owner != nil || r.cfg.HangTimeout < 0 || c == nil || c.table == nil || c.exited || !c.killAt.IsZero() {
			continue
		}
		status, err := c.table.Status()
		if err != nil || !c.pulse.feel(status.Heartbeat, r.cfg.HangTimeout) {
			continue
		}
		p.log.Error("role does not do anything any more; it is ended", "role", r.cfg.Name, "pid", c.pid, "for", c.pulse.silent)
		p.askForDump(c, verdict.EndedStill)
	}
}
