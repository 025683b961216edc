//go:build unix

package guardian

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/theriac/theriac/consumer/guardian/crashtrace"
	"github.com/theriac/theriac/consumer/guardian/verdict"
	"github.com/theriac/theriac/internal/runner"
)

// parent is the guardian. All of its state belongs to the goroutine of its loop; readers of pipes
// only send it events.
type parent struct {
	cfg     Config
	log     *slog.Logger
	state   *stateDir // nil without a state directory
	relay   *relaying // nil without a relay
	watch   *watch
	roles   []*role
	events  chan event
	readers runner.Group
	tees    map[*os.File]bool // standard error of children and of theirs, while open
	ended   chan struct{}     // closed when nobody takes events any more

	untrimmed bool // crash records were written since they were last counted

	stopping bool
	kill     <-chan time.Time // when the children have had their time
	gaveUp   error
}

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

// role is what the guardian knows of one of its roles.
type role struct {
	cfg      RoleConfig
	restarts restarts
	child    *child // nil while none lives
	startAt  time.Time
	runs     int
	loop     verdict.Loop
	culprits map[string]verdict.Breaker // by subscription

	pool   *wardPool // nil in a role without wards
	owner  *role     // in a ward: the role whose messages it runs
	number int       // in a ward: which of them
	wanted bool      // in a ward: it is to be started
}

func (r *role) serving() bool { return r.child != nil && r.child.ready && !r.child.exited }

// runGuardian is the guardian's whole life. It stays on one thread: the kernel ends a child when
// the thread that started it ends, not the process.
func runGuardian(ctx context.Context, cfg Config) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p := &parent{cfg: cfg, log: cfg.Logger, events: make(chan event, 64), tees: make(map[*os.File]bool), ended: make(chan struct{}), watch: newWatch(containerMemory(fileSystem()))}
	for _, r := range cfg.Roles {
		p.add(r)
	}
	if cfg.StateDir != "" {
		var err error
		if p.state, err = openStateDir(cfg.StateDir); err != nil {
			return err
		}
		defer p.state.lock.Close()
	}
	if err := p.inherit(); err != nil {
		return err
	}
	if cfg.Relay {
		if err := p.startRelay(ctx); err != nil {
			return err
		}
	}
	p.readers.Go(p.watchMemory)
	p.readers.Go(p.feelPulses)
	err := p.loop(ctx)
	close(p.ended)
	for t := range p.tees {
		// Whoever still holds the other end is not waited for.
		_ = t.SetReadDeadline(time.Now().Add(lastWords))
	}
	p.readers.Wait()
	if p.relay != nil {
		err = errors.Join(err, p.relay.close())
	}
	return err
}

// add makes a role, and the wards that it has.
func (p *parent) add(cfg RoleConfig) {
	r := &role{cfg: cfg, restarts: restarts{pause: p.cfg.RestartPause, most: p.cfg.MaxRestartPause}, startAt: time.Now()}
	p.roles = append(p.roles, r)
	if cfg.Wards > 0 {
		r.pool = newWardPool(r)
		p.roles = append(p.roles, r.pool.wards...)
	}
}

const (
	// lastWords is how long the guardian listens to a pipe whose writer is dead, in case somebody
	// else holds it open.
	lastWords = 100 * time.Millisecond
	// earshot is how long a death is not judged because what the child wrote to standard error has
	// not come. It is milliseconds, unless the guardian's own standard error takes nothing.
	earshot = time.Second
	// traceTime is how long a child may take to write the rest of its trace. With 10,000 goroutines
	// that is a second or more (measured), and all of it the messages of the dead wait.
	traceTime = 2 * time.Second
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

// loop starts, watches and reaps until no child is left and none is to come.
func (p *parent) loop(ctx context.Context) error {
	deaths := make(chan os.Signal, 1)
	signal.Notify(deaths, syscall.SIGCHLD)
	defer signal.Stop(deaths)
	told := make(chan os.Signal, 8)
	signal.Notify(told, append(stopSignals(), passedSignals()...)...)
	defer signal.Stop(told)
	done := ctx.Done()
	for {
		wake := p.act(time.Now())
		if p.over() {
			return p.gaveUp
		}
		select {
		case <-deaths:
			p.reap()
		case s := <-told:
			p.hear(s)
		case e := <-p.events:
			p.notice(e)
		case <-done:
			done = nil
			p.stop("the context ended")
		case <-p.kill:
			p.killAll()
		case <-wake:
		}
	}
}

// act does what is due and returns when to look again; nil when only an event can change anything.
func (p *parent) act(now time.Time) <-chan time.Time {
	var next time.Time
	soonest := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	for _, r := range p.roles {
		if r.pool != nil {
			if at := p.tend(r.pool, now); !at.IsZero() {
				soonest(at)
			}
		}
		switch {
		case r.child == nil && (p.stopping && r.owner == nil || r.owner != nil && !r.wanted):
		case r.child == nil && now.Before(r.startAt):
			soonest(r.startAt)
		case r.child == nil:
			p.start(r)
			if r.child == nil {
				soonest(r.startAt)
				continue
			}
			soonest(r.child.started.Add(r.cfg.ReadyTimeout))
		case r.child.exited && !r.child.heard:
			// Our own standard error may be stuck; the dead one's messages do not wait for that.
			if until := r.child.buriedAt.Add(earshot); now.Before(until) {
				soonest(until)
				continue
			}
			p.heardAll(r.child)
		case !r.child.killAt.IsZero() && !r.child.exited:
			if now.Before(r.child.killAt) {
				soonest(r.child.killAt)
				continue
			}
			r.child.kill()
		case r.child.run != nil && !r.child.exited:
			if now.Before(r.child.due) {
				soonest(r.child.due)
				continue
			}
			p.log.Error("a ward is past the limit of its message; it is ended", "role", r.cfg.Name, "pid", r.child.pid)
			p.askForDump(r.child, verdict.EndedHang)
			soonest(r.child.killAt)
		case !r.child.ready && !r.child.late && !r.child.exited:
			if until := r.child.started.Add(r.cfg.ReadyTimeout); now.Before(until) {
				soonest(until)
				continue
			}
			r.child.late = true
			p.log.Error("role is not ready in time; it is killed", "role", r.cfg.Name, "pid", r.child.pid, "within", r.cfg.ReadyTimeout)
			r.child.kill()
		}
	}
	if next.IsZero() {
		return nil
	}
	return time.After(time.Until(next))
}

// over reports whether no child lives and none will.
func (p *parent) over() bool {
	for _, r := range p.roles {
		if r.child != nil {
			return false
		}
	}
	return p.stopping
}

// start begins a role's next run. That a child cannot be started is treated like its death before
// ready: memory and process tables run full and empty again.
func (p *parent) start(r *role) {
	r.runs++
	c, err := p.spawn(r)
	if err != nil {
		p.log.Error("cannot start a role", "role", r.cfg.Name, "error", err)
		p.afterDeath(r, false, err.Error())
		return
	}
	r.child = c
	p.note(r)("role started", "role", r.cfg.Name, "pid", c.pid, "incarnation", c.incarnation)
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
		if !e.child.ready {
			e.child.ready = true
			e.child.idleSince = time.Now()
			e.child.role.restarts.unready = 0
			p.note(e.child.role)("role is ready", "role", e.child.role.cfg.Name, "pid", e.child.pid, "after", time.Since(e.child.started).Round(time.Millisecond))
			if e.child.role.owner == nil && e.child.role.cfg.Slots > 0 {
				p.trim() // never before the next worker runs
			}
		}
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
		if e.child.role.child == e.child && e.child.killAt.IsZero() {
			p.log.Warn("role asks to be replaced", "role", e.child.role.cfg.Name, "pid", e.child.pid)
			e.child.stop()
			e.child.ended, e.child.killAt = verdict.EndedRecycle, time.Now().Add(p.cfg.StopTimeout)
		}
	case eventSilent:
		// Its death tells the rest; a child that closed the connection and lives cannot be stopped
		// in order any more.
		if e.child.role.child == e.child && !p.stopping && !e.child.retired {
			p.log.Warn("role ended its control connection", "role", e.child.role.cfg.Name, "pid", e.child.pid)
		}
	}
}

// reap collects all that have died: children, and as PID 1 whatever was left to us.
func (p *parent) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		for _, r := range p.roles {
			if r.child != nil && r.child.pid == pid && !r.child.exited {
				p.buried(r.child, status)
			}
		}
	}
}

// buried notes the end of a child. What it wrote is in the pipe by now; whoever else holds the other
// end is not waited for.
func (p *parent) buried(c *child, status syscall.WaitStatus) {
	c.exited, c.status, c.buriedAt = true, status, time.Now()
	_ = c.crash.SetReadDeadline(time.Now().Add(lastWords))
	if !c.heard {
		_ = c.stderr.SetReadDeadline(time.Now())
	}
	p.conclude(c)
}

// heardAll notes that nothing that a child wrote to standard error is still on its way.
func (p *parent) heardAll(c *child) {
	c.heard = true
	p.conclude(c)
}

// afterDeath plans the next start, or gives up.
func (p *parent) afterDeath(r *role, wasReady bool, how string) {
	r.startAt = time.Now().Add(r.restarts.died(wasReady))
	if r.owner != nil {
		if !wasReady {
			p.wardFailed(r.owner.pool, how)
		}
		return
	}
	if p.stopping || r.restarts.unready < p.cfg.RestartLimit {
		return
	}
	for _, other := range p.roles {
		if other.owner == nil && other.serving() {
			return
		}
	}
	p.gaveUp = &GaveUpError{Role: r.cfg.Name, Deaths: r.restarts.unready, Last: how}
	p.stop("no role is ready any more")
}

// hear acts on a signal.
func (p *parent) hear(s os.Signal) {
	for _, passed := range passedSignals() {
		if s == passed {
			p.signalAll(s)
			return
		}
	}
	p.stop(s.String())
}

// stop ends the children in order, once.
func (p *parent) stop(why string) {
	if p.stopping {
		return
	}
	p.stopping = true
	p.log.Info("stopping", "because", why, "within", p.cfg.StopTimeout)
	for _, r := range p.roles {
		if r.child != nil && r.owner == nil {
			r.child.stop()
		}
	}
	p.kill = time.After(p.cfg.StopTimeout)
}

func (p *parent) killAll() {
	for _, r := range p.roles {
		if r.child != nil {
			p.log.Error("role did not end in time; it is killed", "role", r.cfg.Name, "pid", r.child.pid, "within", p.cfg.StopTimeout)
			r.child.kill()
		}
	}
}

func (p *parent) signalAll(s os.Signal) {
	for _, r := range p.roles {
		if r.child != nil && r.owner == nil {
			_ = r.child.process.Signal(s)
		}
	}
}
