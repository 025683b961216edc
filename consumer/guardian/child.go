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
	"sync"

	"github.com/theriac/theriac/internal/runner"
)

// controlFD is the child's end of the control connection.
const controlFD = 3

// runChild plays one role until its function returns, and ends the process.
func runChild(ctx context.Context, cfg Config, name string, f func(context.Context, Role) error) error {
	if _, ok := cfg.role(name); !ok {
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
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// Terminals and some platforms signal all processes, so this may come twice.
	told := make(chan os.Signal, 1)
	signal.Notify(told, stopSignals()...)
	var listeners runner.Group // they end with the process
	listeners.Go(func() { cancel(c.listen()) })
	listeners.Go(func() { <-told; cancel(errStopped) })
	role := Role{Name: name, Incarnation: w.Incarnation, ready: sync.OnceFunc(func() { c.say(frameReady) })}
	if err := f(ctx, role); err != nil && !errors.Is(err, context.Canceled) {
		cfg.Logger.Error("role ended", "role", name, "error", err)
		exit(failedExit)
	}
	exit(CleanExit)
	return nil
}

// control is the child's end of the connection.
type control struct {
	conn net.Conn
	mu   sync.Mutex // for writes
}

func openControl(fd uintptr) (*control, error) {
	file := os.NewFile(fd, "control")
	if file == nil {
		return nil, os.ErrInvalid
	}
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	return &control{conn: conn}, nil
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
