package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/theriac/theriac/internal/runner"
)

// supervise is the shell between the tests and the server. Its standard input is a pipe on which
// the tests write the name of a signal for the server. When the pipe ends without a word the tests
// are gone: it stops the server at once and removes the directory given as $1.
const supervise = `
dir=$1; shift
exec 3<&0
"$@" 3<&- </dev/null & server=$!
{ read -r how <&3 || { how=QUIT; : >"$dir/orphan"; }; kill -"$how" $server; } 2>/dev/null & watch=$!
exec 3<&-
wait $server
kill $watch 2>/dev/null
[ ! -e "$dir/orphan" ] || rm -rf "$dir"
`

// ready is what the server writes when it accepts connections; LC_ALL=C keeps it in English.
const ready = "database system is ready to accept connections"

// process is one run of the server, from start to the end of its last backend.
type process struct {
	control io.WriteCloser
	ready   chan struct{} // closed when connections are accepted
	done    chan struct{} // closed when the server and all its children have ended
	group   runner.Group

	mu  sync.Mutex
	log []string // last lines that the server wrote
}

// startProcess runs the server's command line under the supervisor and returns when it is ready.
func startProcess(ctx context.Context, dir string, as *syscall.Credential, server []string) (*process, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", supervise, "pgtest", dir}, server...)...)
	prepare(cmd, dir, as)
	control, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	p := &process{control: control, ready: make(chan struct{}), done: make(chan struct{})}
	p.group.Go(func() {
		defer close(p.done)
		p.follow(stderr)
		// How the shell ended says nothing: the server is stopped by signals.
		_ = cmd.Wait()
	})
	select {
	case <-p.ready:
		return p, nil
	case <-p.done:
		return nil, errors.Join(fmt.Errorf("postgres ended before it was ready:\n%s", p.lastLog()), p.stop())
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("wait for postgres: %w\n%s", context.Cause(ctx), p.lastLog()), p.stop())
	}
}

// prepare gives a command the user, folder and environment in which the server's programs run. A
// process group of its own keeps the terminal's interrupt for the tests away from it.
func prepare(cmd *exec.Cmd, dir string, as *syscall.Credential) {
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Setpgid: true}
}

// follow reads the server's log to its end and notices when it is ready.
func (p *process) follow(log io.Reader) {
	isReady := false
	for lines := bufio.NewScanner(log); lines.Scan(); {
		p.remember(lines.Text())
		if !isReady && strings.Contains(lines.Text(), ready) {
			isReady = true
			close(p.ready)
		}
	}
	// A line too long for the scanner must not block the server.
	_, _ = io.Copy(io.Discard, log)
}

func (p *process) remember(line string) {
	const most = 50
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, line)
	p.log = p.log[max(0, len(p.log)-most):]
}

func (p *process) lastLog() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.log, "\n")
}

// stop ends the server the way a crash does, with SIGQUIT, and waits until its last child is gone.
func (p *process) stop() error {
	_, err := io.WriteString(p.control, "QUIT\n")
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) {
		err = nil // it has ended by itself
	}
	p.group.Wait()
	return err
}

// serverUser returns the user as whom the server runs: nil for the one who runs the tests, and an
// unprivileged one if that is root.
func serverUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if errUID == nil && errGID == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("postgres does not run as root, and there is neither a user postgres nor nobody: create one")
}
