//go:build unix

package guardian

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/theriac/theriac/consumer/guardian/crashtrace"
	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/consumer/guardian/verdict"
)

// child is one run of a role.
type child struct {
	role        *role
	incarnation string
	process     *os.Process
	pid         int
	started     time.Time
	ready, late bool
	control     net.Conn
	pulse       pulse
	evidence

	line   net.Conn       // nil in a role without wards
	outbox chan lineFrame // what is to be written to it
	owed   atomic.Int64   // bytes in outbox
	held   *allowance     // for what came from it
	broke  string         // why it is not to be talked to any more

	// Of a ward: what it runs, until when, how many it ran before, since when it waits, and whether
	// it is being ended because it is not needed.
	run       *aloneRun
	due       time.Time
	ran       int
	idleSince time.Time
	retired   bool
}

// evidence is what a child leaves behind.
type evidence struct {
	table  *inflight.Table // nil in a role without slots
	folder string          // of the table
	crash  *os.File        // where the runtime writes when the child dies
	stderr *os.File        // its standard error, which others may hold after it
	tail   *crashtrace.Tail
	heard  bool              // all that it wrote to standard error is in the tail
	trace  *crashtrace.Trace // once all of it has come

	spoke    atomic.Bool   // something came on crash
	ended    verdict.Ended // why the guardian ended it, if it did
	killAt   time.Time     // when a child that is dying has had its time
	exited   bool
	buriedAt time.Time
	status   syscall.WaitStatus
}

// spawn executes this binary again.
func (p *parent) spawn(r *role) (_ *child, err error) {
	c := &child{role: r, started: time.Now()}
	c.incarnation = r.label() + "-" + strconv.FormatInt(c.started.UnixMilli(), 36) + "-" + strconv.Itoa(r.runs)
	defer func() {
		if err != nil {
			c.discard()
		}
	}()
	if err := p.prepareTable(c); err != nil {
		return nil, err
	}
	var theirs, stderr, stderrEnd, crashEnd *os.File
	if c.control, theirs, err = controlPair(); err != nil {
		return nil, err
	}
	defer theirs.Close()
	if stderr, stderrEnd, err = os.Pipe(); err != nil {
		return nil, err
	}
	defer stderrEnd.Close()
	if c.crash, crashEnd, err = os.Pipe(); err != nil {
		_ = stderr.Close()
		return nil, err
	}
	defer crashEnd.Close()

	in, out, _ := streams()
	files := []*os.File{in, out, stderrEnd, theirs, crashEnd}
	hello := welcome{Incarnation: c.incarnation, Ward: r.owner != nil, Wards: r.cfg.Wards, Culprits: r.recent(c.started)}
	if p.state != nil {
		hello.StateDir = p.state.path
	}
	if c.table != nil {
		hello.TableFD, files = len(files), append(files, c.table.File())
	}
	if p.relay != nil {
		relayEnd, err := p.relay.pipe()
		if err != nil {
			_ = stderr.Close()
			return nil, err
		}
		defer relayEnd.Close()
		hello.RelayFD, files = len(files), append(files, relayEnd)
	}
	lineEnd, err := p.openLine(c)
	if err != nil {
		_ = stderr.Close()
		return nil, err
	}
	if lineEnd != nil {
		defer lineEnd.Close()
		hello.LineFD, files = len(files), append(files, lineEnd)
	}
	args := arguments()
	c.process, err = os.StartProcess(executable(), args, &os.ProcAttr{
		Env: childEnvironment(r.cfg.Name), Files: files, Sys: childAttributes(),
	})
	if err != nil {
		_ = stderr.Close()
		return nil, fmt.Errorf("execute %s: %w", args[0], err)
	}
	c.pid, c.tail, c.stderr = c.process.Pid, new(crashtrace.Tail), stderr
	p.tees[stderr] = true
	p.readers.Go(func() { p.tee(c, stderr) })
	p.readers.Go(func() { p.listen(c) })
	p.readers.Go(func() { p.readCrash(c) })
	p.serveLine(c)
	p.watchOver(c)
	// A child that cannot be told dies of it: its end of the connection is gone, once ours is closed.
	_ = theirs.Close()
	_ = c.control.SetWriteDeadline(time.Now().Add(time.Second))
	_ = writeFrame(c.control, frameWelcome, hello)
	return c, nil
}

// prepareTable makes the table of a child that runs handlers.
func (p *parent) prepareTable(c *child) (err error) {
	if c.role.cfg.Slots == 0 {
		return nil
	}
	// A ward's own table need not outlive its guardian: why its message runs alone is on disk.
	if c.role.owner == nil {
		if c.folder, err = p.state.table(c.incarnation); err != nil {
			return err
		}
	}
	c.table, err = inflight.Create(inflight.Config{
		Dir: c.folder, Slots: c.role.cfg.Slots, Incarnation: c.incarnation, Build: p.cfg.Build,
	})
	return err
}

// discard removes the table, which holds messages, once what it says is safe elsewhere or of no use.
func (e *evidence) discard() {
	if e.table != nil {
		_ = e.table.Close()
	}
	if e.folder != "" {
		_ = os.RemoveAll(e.folder)
	}
}

// controlPair returns the two ends of a control connection.
func controlPair() (net.Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("control connection: %w", err)
	}
	unix.CloseOnExec(fds[0])
	unix.CloseOnExec(fds[1])
	ours, theirs := os.NewFile(uintptr(fds[0]), "control"), os.NewFile(uintptr(fds[1]), "control")
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		_ = theirs.Close()
		return nil, nil, fmt.Errorf("control connection: %w", err)
	}
	return conn, theirs, nil
}

// listen hears what a child says until its end of the connection is gone.
func (p *parent) listen(c *child) {
	for {
		kind, _, err := readFrame(c.control)
		switch {
		case err != nil:
			p.tell(event{kind: eventSilent, child: c})
			return
		case kind == frameReady:
			p.tell(event{kind: eventReady, child: c})
		case kind == frameRecycle:
			p.tell(event{kind: eventRecycle, child: c})
		}
	}
}

// stop tells the child to end in order; it is killed later if it does not.
func (c *child) stop() {
	_ = c.control.SetWriteDeadline(time.Now().Add(time.Second))
	_ = writeFrame(c.control, frameStop, struct{}{})
}

func (c *child) kill() { _ = c.process.Kill() }

// close lets go of what was kept for a child that is dead.
func (c *child) close() {
	_, _ = c.control.Close(), c.crash.Close()
	c.closeLine()
	_ = c.process.Release()
}

func describeExit(s syscall.WaitStatus) string {
	switch {
	case s.Signaled() && s.CoreDump():
		return "signal " + s.Signal().String() + " (core dumped)"
	case s.Signaled():
		return "signal " + s.Signal().String()
	default:
		return "exit code " + strconv.Itoa(s.ExitStatus())
	}
}
