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
	stderr  *lossy            // the guardian's own
	ended   chan struct{}     // closed when nobody takes events any more

	untrimmed int // crash records that were written since they were last counted

	stopping bool
	kill     <-chan time.Time // when the children have had their time
	gaveUp   error
}

// runGuardian is the guardian's whole life. It stays on one thread: the kernel ends a child when
// the thread that started it ends, not the process.
func runGuardian(ctx context.Context, cfg Config) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// A reader of standard error that is gone is no reason to end: caught and not heard, its signal becomes
	// an error of the write. Ignored, it would be so in children, too.
	unheard := make(chan os.Signal, 1)
	signal.Notify(unheard, syscall.SIGPIPE)
	defer signal.Stop(unheard)
	_, _, stderr := streams()
	p := &parent{
		cfg: cfg, log: cfg.Logger, events: make(chan event, 64), tees: make(map[*os.File]bool), stderr: &lossy{to: stderr, log: cfg.Logger},
		ended: make(chan struct{}), watch: newWatch(containerMemory(fileSystem())),
	}
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
	for _, r := range p.roles {
		for _, at := range [...]time.Time{p.tend(r.pool, now), p.attend(r, now)} {
			if !at.IsZero() && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
	}
	if next.IsZero() {
		return nil
	}
	return time.After(time.Until(next))
}

// attend does what is due for one role, and returns when to look again, zero for not by itself.
func (p *parent) attend(r *role, now time.Time) time.Time {
	c := r.child
	switch {
	case c == nil && (p.stopping && r.owner == nil || r.owner != nil && !r.wanted):
		return time.Time{}
	case c == nil:
		return p.startWhenDue(r, now)
	case c.exited && !c.heard:
		// Our own standard error may be stuck; the dead one's messages do not wait for that.
		return due(now, c.buriedAt.Add(earshot), func() { p.heardAll(c) })
	case c.exited:
		return time.Time{}
	case !c.killAt.IsZero():
		return due(now, c.killAt, c.kill)
	case c.run != nil:
		return due(now, c.due, func() {
			p.log.Error("a ward is past the limit of its message; it is ended", "role", r.cfg.Name, "pid", c.pid)
			p.askForDump(c, verdict.EndedHang)
		})
	case !c.ready && !c.late:
		return due(now, c.started.Add(r.cfg.ReadyTimeout), func() {
			c.late = true
			p.log.Error("role is not ready in time; it is killed", "role", r.cfg.Name, "pid", c.pid, "within", r.cfg.ReadyTimeout)
			c.kill()
		})
	default:
		return time.Time{}
	}
}

// due calls f if its time has come, and else returns when that is.
func due(now, at time.Time, f func()) time.Time {
	if now.Before(at) {
		return at
	}
	f()
	return now.Add(again)
}

// again is when to look at what was just done: most of it ends with an event before.
const again = 100 * time.Millisecond

func (p *parent) startWhenDue(r *role, now time.Time) time.Time {
	if now.Before(r.startAt) {
		return r.startAt
	}
	p.start(r)
	if r.child == nil {
		return r.startAt
	}
	return r.child.started.Add(r.cfg.ReadyTimeout)
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
	if p.untrimmed >= trimAfter {
		p.trim() // the new child starts meanwhile
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
