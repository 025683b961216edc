//go:build unix

package guardian

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"

	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/consumer/guardian/relay"
	"github.com/theriac/theriac/internal/runner"
)

// The descriptors that a child finds open beside the standard ones.
const (
	controlFD = 3
	crashFD   = 4 // where the runtime writes when it dies
)

// maxStack bounds a goroutine's stack in children. With Go's own 1 GB a runaway recursion takes up
// to ten seconds and the container's memory before it leaves a trace; 32 MB take 0.4 s (measured).
const maxStack = 32 << 20

// runChild plays one role until its function returns, and ends the process.
func runChild(ctx context.Context, cfg Config, name string, f func(context.Context, Role) error) error {
	self, ok := cfg.role(name)
	if !ok {
		return unknownRole(name)
	}
	c, err := openControl(controlFD)
	if err != nil {
		return fmt.Errorf("guardian: role %s has no guardian to talk to: %w: unset %s", name, err, roleVariable)
	}
	w, err := c.welcomed()
	if err != nil {
		return fmt.Errorf("guardian: role %s was not welcomed: %w", name, err)
	}
	if err := prepareToDie(); err != nil {
		return fmt.Errorf("guardian: role %s: %w", name, err)
	}
	confinementOf(self, w.Ward, containerMemory(fileSystem())).confine(cfg.Logger)
	role := Role{Name: name, Build: cfg.Build, Incarnation: w.Incarnation, Ward: w.Ward, told: w, wards: w.Wards, workers: cfg.workers()}
	if err := role.open(w); err != nil {
		return fmt.Errorf("guardian: role %s: %w", name, err)
	}
	role.ready = sync.OnceFunc(func() {
		role.mark((*inflight.Mapping).MarkReady)
		c.say(frameReady)
	})
	role.recycle = sync.OnceFunc(func() { c.say(frameRecycle) })
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// Terminals and some platforms signal all processes, so this may come twice.
	told := make(chan os.Signal, 1)
	signal.Notify(told, stopSignals()...)
	var listeners runner.Group // they end with the process
	stop := func(cause error) {
		role.mark((*inflight.Mapping).MarkStopping)
		cancel(cause)
	}
	listeners.Go(func() { stop(c.listen()) })
	listeners.Go(func() { <-told; stop(errStopped) })
	if !asksKernel && role.InFlight != nil {
		listeners.Go(func() { reportMemory(role.InFlight, nil) })
	}
	if role.InFlight != nil {
		// The first one here: a process that hangs before it would be taken for one that has not begun.
		role.InFlight.Heartbeat()
		listeners.Go(func() { beat(role.InFlight) })
	}
	err = f(ctx, role)
	role.mark((*inflight.Mapping).MarkClean)
	if err != nil && !errors.Is(err, context.Canceled) {
		cfg.Logger.Error("role ended", "role", name, "error", err)
		exit(failedExit)
	}
	exit(CleanExit)
	return nil
}

// mark says something of the role in its table, if it has one.
func (r Role) mark(how func(*inflight.Mapping)) {
	if r.InFlight != nil {
		how(r.InFlight)
	}
}

// prepareToDie has the runtime write to the guardian, whatever becomes of standard error.
func prepareToDie() error {
	debug.SetMaxStack(maxStack)
	crash := os.NewFile(crashFD, "crash")
	defer crash.Close()
	return debug.SetCrashOutput(crash, debug.CrashOptions{})
}

// open takes what the guardian handed over.
func (r *Role) open(w welcome) (err error) {
	if w.TableFD > 0 {
		f := os.NewFile(uintptr(w.TableFD), "table")
		defer f.Close()
		if r.InFlight, err = inflight.Open(f); err != nil {
			return err
		}
	}
	if w.LineFD > 0 {
		conn, err := connection(uintptr(w.LineFD), "line")
		if err != nil {
			return err
		}
		if r.line = newLine(conn); !r.Ward {
			r.line.listen()
		}
	}
	if w.RelayFD > 0 {
		pipe, err := relay.Inherited(uintptr(w.RelayFD))
		if err != nil {
			return err
		}
		if r.Transport, err = relay.NewTransport(pipe, relay.TransportConfig{}); err != nil {
			return err
		}
	}
	return nil
}

// control is the child's end of the connection.
type control struct {
	conn net.Conn
	mu   sync.Mutex // for writes
}

func openControl(fd uintptr) (*control, error) {
	conn, err := connection(fd, "control")
	if err != nil {
		return nil, err
	}
	return &control{conn: conn}, nil
}

// connection takes an inherited descriptor.
func connection(fd uintptr, name string) (net.Conn, error) {
	file := os.NewFile(fd, name)
	if file == nil {
		return nil, os.ErrInvalid
	}
	defer file.Close()
	return net.FileConn(file)
}

func (c *control) welcomed() (w welcome, err error) {
	kind, body, err := readFrame(c.conn)
	if err != nil {
		return w, err
	}
	if kind != frameWelcome {
		return w, errFrame
	}
	return w, json.Unmarshal(body, &w)
}

// listen returns why the child is to end.
func (c *control) listen() error {
	for {
		switch kind, _, err := readFrame(c.conn); {
		case err != nil:
			return ErrGuardianGone
		case kind == frameStop:
			return errStopped
		}
	}
}

// say tells the guardian. If it is gone, listen knows.
func (c *control) say(kind frameKind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = writeFrame(c.conn, kind, struct{}{})
}
