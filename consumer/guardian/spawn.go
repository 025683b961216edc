//go:build unix

package guardian

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
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
}

// spawn executes this binary again.
func (p *parent) spawn(r *role) (*child, error) {
	ours, theirs, err := controlPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	stderr, stderrEnd, err := os.Pipe()
	if err != nil {
		_ = ours.Close()
		return nil, err
	}
	defer stderrEnd.Close()
	in, out, tee := streams()
	args := arguments()
	process, err := os.StartProcess(executable(), args, &os.ProcAttr{
		Env:   childEnvironment(r.cfg.Name),
		Files: []*os.File{in, out, stderrEnd, theirs},
		Sys:   childAttributes(),
	})
	if err != nil {
		_, _ = ours.Close(), stderr.Close()
		return nil, fmt.Errorf("execute %s: %w", args[0], err)
	}
	c := &child{role: r, process: process, pid: process.Pid, started: time.Now(), control: ours}
	c.incarnation = r.cfg.Name + "-" + strconv.FormatInt(c.started.UnixMilli(), 36) + "-" + strconv.Itoa(c.pid)
	p.tees[stderr] = true
	p.readers.Go(func() { p.tee(tee, stderr) })
	p.readers.Go(func() { p.listen(c) })
	// A child that cannot be told dies of it: its end of the connection is gone too.
	_ = writeFrame(c.control, frameWelcome, welcome{Incarnation: c.incarnation})
	return c, nil
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

// tee passes on what a child writes to standard error.
func (p *parent) tee(to io.Writer, from *os.File) {
	_, _ = io.Copy(to, from)
	p.tell(event{kind: eventTeeEnded, tee: from})
	_ = from.Close()
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
	_ = c.control.Close()
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
