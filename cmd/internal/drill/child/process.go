package child

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/theriac/theriac/internal/runner"
)

// Process is a running program.
type Process struct {
	cmd   *exec.Cmd
	log   string
	done  chan struct{}
	err   error // once done is closed
	owner runner.Group
}

// Start starts cmd. What it says on standard error, and on standard output where that is wanted, is added to
// the file log, which is made if need be.
func Start(cmd *exec.Cmd, log string, output bool) (*Process, error) {
	said, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if cmd.Stderr = said; output {
		cmd.Stdout = said
	}
	cmd.SysProcAttr = attributes()
	p := &Process{cmd: cmd, log: log, done: make(chan struct{})}
	started := make(chan error, 1)
	p.owner.Go(func() { p.live(started) })
	if err := errors.Join(<-started, said.Close()); err != nil {
		return nil, err
	}
	return p, nil
}

// live starts the process and stays until it ended. Linux kills the child when the thread ends that
// started it, so this goroutine keeps its thread to itself.
func (p *Process) live(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	err := p.cmd.Start()
	started <- err
	if err == nil {
		p.err = p.cmd.Wait()
	}
}

// Stop ends the process in order, kills it if that takes longer than patience, and returns how it ended. It
// may be called again.
func (p *Process) Stop(patience time.Duration) error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it fails only for a process that ended
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	p.owner.Wait()
	return p.err
}

// LastWords are the last lines of the log for the end of an error, or nothing.
func (p *Process) LastWords() string {
	text, err := os.ReadFile(p.log)
	if err != nil || len(text) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "; its last words: " + strings.Join(lines[max(0, len(lines)-3):], " | ")
}
