package drill

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/internal/runner"
)

// stopWait is how long a replica may take to end in order before it is killed. Its guardian takes
// the rest along.
const stopWait = 8 * time.Second

// process is a running replica: a guardian and its children.
type process struct {
	number int
	dir    string
	cmd    *exec.Cmd
	done   chan struct{}
	err    error // once done is closed
	owner  runner.Group
}

// startReplica starts this program as a replica in dir, which it makes.
func startReplica(executable, dir string, spec replica.Spec, environ []string) (*process, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := spec.Write(dir); err != nil {
		return nil, err
	}
	said, err := os.OpenFile(filepath.Join(dir, "stderr"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p := &process{number: spec.Number, dir: dir, done: make(chan struct{})}
	p.cmd = exec.Command(executable, replica.Subcommand, dir) //nolint:noctx // it is stopped in order
	p.cmd.Env = replicaEnvironment(environ)
	p.cmd.Stdout, p.cmd.Stderr = said, said
	p.cmd.SysProcAttr = childAttributes()
	started := make(chan error, 1)
	p.owner.Go(func() { p.live(started) })
	if err := errors.Join(<-started, said.Close()); err != nil {
		return nil, fmt.Errorf("start replica %d: %w", spec.Number, err)
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

// stop ends the replica in order and waits for its end.
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
	if p.err != nil {
		return fmt.Errorf("replica %d ended: %w%s", p.number, p.err, p.lastWords())
	}
	return nil
}

// lastWords are the last lines of the replica for an error, or nothing.
func (p *process) lastWords() string {
	text, err := os.ReadFile(filepath.Join(p.dir, "stderr"))
	if err != nil || len(text) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "; its last words: " + strings.Join(lines[max(0, len(lines)-3):], " | ")
}

// replicaEnvironment is this process's, with the guardian on: a debugger or a test around the drill
// is no reason for the replica to do without.
func replicaEnvironment(environ []string) []string {
	kept := []string{"THERIAC_GUARDIAN=on"}
	for _, pair := range environ {
		if !strings.HasPrefix(pair, "THERIAC_") {
			kept = append(kept, pair)
		}
	}
	return kept
}

func replicaDir(dir string, number int) string {
	return filepath.Join(dir, "replica-"+strconv.Itoa(number))
}
