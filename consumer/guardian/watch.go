//go:build unix

package guardian

import (
	"fmt"
	"sync"
	"time"

	"github.com/theriac/theriac/consumer/guardian/verdict"
)

// watchInterval is how often the guardian looks at the memory of its children. A look at one costs
// 2.6 us (measured), so ten children cost a seven-hundredth of a processor.
const watchInterval = 20 * time.Millisecond

// watch looks at the memory of children. Children are added and removed by the loop; looking is a
// goroutine of its own, since the loop may be waiting for a disk.
type watch struct {
	container int64 // what it allows to all together
	mu        sync.Mutex
	children  map[*child]*watched
}

// watched is a child under watch.
type watched struct {
	memory *memoryOf
	limit  memoryLimit
	last   memoryUse
	peak   int64
	told   bool // it is being ended
}

// alarm is a child that is to be ended for its memory.
type alarm struct {
	child *child
	use   int64 // its own resident memory
	of    int64 // what all have that share the limit
	limit int64
}

func newWatch(container int64) *watch {
	return &watch{container: container, children: make(map[*child]*watched)}
}

// add begins to look at a child, if it has a limit.
func (w *watch) add(c *child) error {
	limit := memoryLimitOf(c.role.cfg, w.container)
	if limit.bytes == 0 {
		return nil
	}
	memory, err := openMemory(c.pid, c.table)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.children[c] = &watched{memory: memory, limit: limit}
	return nil
}

// remove ends looking and returns what people should know.
func (w *watch) remove(c *child) (notes []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.children[c]
	if seen == nil {
		return nil
	}
	delete(w.children, c)
	seen.memory.close()
	if seen.told || seen.peak >= percentOf(seen.limit.bytes, watchPercent) {
		notes = append(notes, fmt.Sprintf("resident memory reached %d MB, %d%% of the limit of %d MB",
			seen.peak>>20, seen.peak*100/seen.limit.bytes, seen.limit.bytes>>20))
	}
	return notes
}

// look asks for the memory of all and returns who is to be ended. None is returned twice.
func (w *watch) look() (alarms []alarm) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c, seen := range w.children {
		use, ok := seen.memory.read()
		if !ok {
			continue // it has ended, which somebody else tells; or there is nothing to decide by
		}
		seen.last, seen.peak = use, max(seen.peak, use.resident)
		if !seen.told && !seen.limit.common && use.resident >= percentOf(seen.limit.bytes, watchPercent) {
			seen.told = true
			alarms = append(alarms, alarm{child: c, use: use.resident, of: use.resident, limit: seen.limit.bytes})
		}
	}
	if a, ok := w.lookAtContainer(); ok {
		alarms = append(alarms, a)
	}
	return alarms
}

// lookAtContainer adds up those who share what the container allows. When it is nearly used up the
// largest is to be ended, as the kernel would choose.
func (w *watch) lookAtContainer() (alarm, bool) {
	var all, common int64
	var largest *child
	for c, seen := range w.children {
		if !seen.limit.common || seen.told {
			continue // who is being ended gives its memory back in a moment
		}
		all += seen.last.resident - seen.last.shared
		common = max(common, seen.last.shared) // one binary, and files that can be read again
		if largest == nil || seen.last.resident > w.children[largest].last.resident {
			largest = c
		}
	}
	all += common
	if largest == nil || all < percentOf(w.container, watchPercent) {
		return alarm{}, false
	}
	w.children[largest].told = true
	return alarm{child: largest, use: w.children[largest].last.resident, of: all, limit: w.container}, true
}

// watchMemory looks until nobody takes events any more.
func (p *parent) watchMemory() {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-p.ended:
			return
		}
		for _, a := range p.watch.look() {
			p.tell(event{kind: eventMemory, child: a.child, alarm: a})
		}
	}
}

// watchOver begins to look at the memory of a new child.
func (p *parent) watchOver(c *child) {
	if err := p.watch.add(c); err != nil {
		p.log.Warn("the memory of a role is not watched", "role", c.role.cfg.Name, "pid", c.pid, "error", err)
	}
}

// tooMuch ends a child for its memory.
func (p *parent) tooMuch(a alarm) {
	c := a.child
	if c.role.child != c {
		return
	}
	p.log.Error("role is near the limit of memory; it is ended", "role", c.role.cfg.Name, "pid", c.pid,
		"resident", a.use, "together", a.of, "limit", a.limit)
	p.askForDump(c, verdict.EndedMemory)
}
