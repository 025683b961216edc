package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"time"

	broker "github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/runner"
)

// Config says how to start the broker process.
type Config struct {
	// Executable is the program to start: this one, as os.Executable names it. Required.
	Executable string
	// Dir is the broker's directory. Required.
	Dir string
	// Environ is this process's environment. The broker needs nothing from it and gets only the
	// variables of the Go runtime, so that no secret in it is passed on.
	Environ []string
	// Patience is how long the broker may take to start; reading a large store takes a while.
	// Default 30 s.
	Patience time.Duration
}

// closeWait is how long a broker may take to close its store before it is killed. Nothing is lost
// then: what it confirmed is on disk.
const closeWait = 5 * time.Second

// Broker is a running broker process. Its methods are safe for concurrent use.
type Broker struct {
	endpoint broker.Endpoint
	cmd      *exec.Cmd
	stdin    io.Closer
	notes    chan note
	last     *tail
	done     chan struct{} // closed when the process has ended
	err      error         // why, once done is closed
	owner    runner.Group
}

// Start starts the broker process and returns when it takes connections. ctx bounds the start
// only; the process lives until [Broker.Close] or the end of this one.
func Start(ctx context.Context, cfg Config) (*Broker, error) {
	if cfg.Patience == 0 {
		cfg.Patience = 30 * time.Second
	}
	b := &Broker{notes: make(chan note, 4), last: &tail{}, done: make(chan struct{})}
	b.cmd = exec.Command(cfg.Executable, Subcommand, cfg.Dir) //nolint:noctx // ctx bounds the start, not the life
	b.cmd.Env = runtimeOnly(cfg.Environ)
	b.cmd.Stdout = &lines{each: b.hear}
	b.cmd.Stderr = b.last
	b.cmd.WaitDelay = time.Second
	b.cmd.SysProcAttr = childAttributes()
	stdin, err := b.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the broker process: %w", err)
	}
	b.stdin = stdin
	started := make(chan error, 1)
	b.owner.Go(func() { b.live(started) })
	if err := <-started; err != nil {
		return nil, problem.Errorf(problem.Unavailable, "start the broker process %s: %w", cfg.Executable, err)
	}
	return b, b.awaitReady(ctx, cfg.Patience)
}

// live starts the process and stays until it ended. Linux kills the child when the thread ends that
// started it, so this goroutine keeps its thread to itself.
func (b *Broker) live(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(b.done)
	err := b.cmd.Start()
	started <- err
	if err == nil {
		b.err = b.explain(b.cmd.Wait())
	}
}

// awaitReady waits for the first note. On an error the process is gone.
func (b *Broker) awaitReady(ctx context.Context, patience time.Duration) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case n := <-b.notes:
		if n.Ready != nil {
			b.endpoint = *n.Ready
			return nil
		}
		return errors.Join(n.err(), b.Close())
	case <-b.done:
		b.owner.Wait()
		if b.err == nil {
			return problem.Errorf(problem.Unavailable, "the broker process ended before it was ready")
		}
		return b.err
	case <-timer.C:
		b.kill()
		return problem.Errorf(problem.Unavailable, "the broker was not ready within %s: look at the disk of %s%s, then run theriac again",
			patience, b.cmd.Args[len(b.cmd.Args)-1], b.last.quote())
	case <-ctx.Done():
		return errors.Join(ctx.Err(), b.Close())
	}
}

// Endpoint is where the broker listens.
func (b *Broker) Endpoint() broker.Endpoint { return b.endpoint }

// Done is closed when the process has ended.
func (b *Broker) Done() <-chan struct{} { return b.done }

// Err says why the process ended: nil after Close. It may be called once Done is closed.
func (b *Broker) Err() error { return b.err }

// Close ends the process and waits for its end.
func (b *Broker) Close() error {
	err := b.stdin.Close()
	timer := time.NewTimer(closeWait)
	defer timer.Stop()
	select {
	case <-b.done:
	case <-timer.C:
		b.kill()
	}
	b.owner.Wait()
	if errors.Is(err, errAlreadyClosed) {
		return nil
	}
	return err
}

func (b *Broker) kill() {
	_ = b.cmd.Process.Kill() // it fails only for a process that ended
	<-b.done
	b.owner.Wait()
}

// hear takes a line that the process wrote on its stdout.
func (b *Broker) hear(line string) {
	var n note
	if json.Unmarshal([]byte(line), &n) != nil {
		return // not ours: some library's idea of a greeting
	}
	select {
	case b.notes <- n:
	default: // two notes are all that a broker writes
	}
}

// explain says why the process ended, in its own words if it left any.
func (b *Broker) explain(exit error) error {
	for {
		select {
		case n := <-b.notes:
			if n.Error != "" {
				return n.err()
			}
			continue
		default:
		}
		break
	}
	if exit == nil {
		return nil
	}
	return problem.Errorf(problem.Unavailable, "the broker process ended (%w)%s: run theriac again", exit, b.last.quote())
}

func (n note) err() error { return problem.Errorf(n.Kind, "%s", n.Error) }

// runtimeOnly keeps the variables of the Go runtime, which hold no secret.
func runtimeOnly(environ []string) []string {
	kept := []string{} // not nil: that would pass everything on
	for _, pair := range environ {
		if strings.HasPrefix(pair, "GO") {
			kept = append(kept, pair)
		}
	}
	return kept
}
