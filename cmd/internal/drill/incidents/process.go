package incidents

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/theriac/theriac/internal/runner"
)

// stopWait is how long the service may take to end in order before it is killed.
const stopWait = 20 * time.Second

// process is the running service: a guardian and its children.
type process struct {
	cmd   *exec.Cmd
	log   string
	done  chan struct{}
	err   error // once done is closed
	owner runner.Group
}

// startProcess starts this program as incidentd with args. What it says goes to the file log.
func startProcess(executable, log string, environ []string, args ...string) (*process, error) {
	said, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p := &process{log: log, done: make(chan struct{})}
	p.cmd = exec.Command(executable, append([]string{Subcommand}, args...)...) //nolint:noctx // it is stopped in order
	p.cmd.Env, p.cmd.Stderr, p.cmd.SysProcAttr = environ, said, childAttributes()
	started := make(chan error, 1)
	p.owner.Go(func() { p.live(started) })
	if err := errors.Join(<-started, said.Close()); err != nil {
		return nil, fmt.Errorf("start the incident service: %w", err)
	}
	return p, nil
}

// live starts the process and stays until it ended. Linux kills the child when the thread ends that
// started it, so this goroutine keeps its thread to itself.
func (p *process) live(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	err := p.cmd.Start()
	started <- err
	if err == nil {
		p.err = p.cmd.Wait()
	}
}

// stop ends the service in order and waits for its end.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it fails only for a process that ended
	timer := time.NewTimer(stopWait)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	p.owner.Wait()
	return nil
}

// lastWords are the last lines of the service for an error, or nothing.
func (p *process) lastWords() string {
	text, err := os.ReadFile(p.log)
	if err != nil || len(text) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "; its last words: " + strings.Join(lines[max(0, len(lines)-3):], " | ")
}

// logged is a line of the guardian's log, as far as the drill reads it.
type logged struct {
	Message string `json:"msg"`
	Role    string `json:"role"`
	Ward    int    `json:"ward"`
	PID     int    `json:"pid"`
}

// roles is what the guardian's log says: the process of each role that was started and is not known to
// have ended, which of them serve, and how many died.
type roles struct {
	started, serving, deaths map[string]int
}

func newRoles() roles { return roles{map[string]int{}, map[string]int{}, map[string]int{}} }

func (r roles) clone() roles {
	return roles{maps.Clone(r.started), maps.Clone(r.serving), maps.Clone(r.deaths)}
}

// gone notes that a process of a role is not there any more.
func (r roles) gone(role string, pid int) {
	for _, m := range []map[string]int{r.started, r.serving} {
		if m[role] == pid {
			delete(m, role)
		}
	}
}

// journal reads the guardian's log as it grows. It is used by one goroutine at a time.
type journal struct {
	file *os.File
	rest []byte // a line that is not written to its end yet
	roles
}

func openJournal(path string) (*journal, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &journal{file: file, roles: newRoles()}, nil
}

// read takes what was written since it was called last.
func (j *journal) read() (roles, error) {
	more, err := io.ReadAll(j.file)
	if err != nil {
		return j.roles, err
	}
	text := append(j.rest, more...)
	for {
		line, after, whole := bytes.Cut(text, []byte("\n"))
		if !whole {
			j.rest = bytes.Clone(text)
			return j.roles, nil
		}
		j.note(line)
		text = after
	}
}

func (j *journal) note(line []byte) {
	var l logged
	if json.Unmarshal(line, &l) != nil || l.Ward > 0 {
		return
	}
	switch l.Message {
	case "role started":
		j.started[l.Role] = l.PID
	case "role is ready":
		if j.started[l.Role] == l.PID { // else it was killed since
			j.serving[l.Role] = l.PID
		}
	case "role died":
		j.deaths[l.Role]++
		j.gone(l.Role, l.PID)
	case "role ended":
		j.gone(l.Role, l.PID)
	}
}
