package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/pprof"
	"time"

	"github.com/theriac/theriac/internal/fakepubsub"
	"github.com/theriac/theriac/internal/runner"
)

// Roles that this program plays for itself.
const (
	roleBroker = "broker"
	roleWorker = "worker"
)

// workerTimeout bounds one measured run; a window takes seconds.
const workerTimeout = 2 * time.Minute

// child is this program, started in a role. It ends when its input does.
type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	errors bytes.Buffer
}

func startChild(ctx context.Context, role string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.CommandContext(ctx, self, role)}
	c.cmd.Stderr = &c.errors
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the %s: %w", role, err)
	}
	return c, nil
}

// tell writes what the child is to do.
func (c *child) tell(v any) error { return json.NewEncoder(c.in).Encode(v) }

// hear reads the child's one answer.
func (c *child) hear(v any) error { return json.NewDecoder(c.out).Decode(v) }

// end closes the child's input and waits until it is gone.
func (c *child) end() error {
	err := errors.Join(c.in.Close(), c.cmd.Wait())
	if err != nil && c.errors.Len() > 0 {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(c.errors.Bytes()))
	}
	return err
}

// playBroker serves until in ends; its answer is the address.
func playBroker(in io.Reader, out io.Writer) error {
	// The backlog lives long: to look at all of it often would only take time
	// from the workers.
	debug.SetGCPercent(300)
	srv, err := fakepubsub.Start(fakepubsub.Config{})
	if err != nil {
		return err
	}
	defer srv.Close()
	if err := json.NewEncoder(out).Encode(srv.Addr()); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return err
}

// playWorker obeys one order; its answer is the figures.
func playWorker(in io.Reader, out io.Writer) error {
	var o order
	orders := json.NewDecoder(in)
	if err := orders.Decode(&o); err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), workerTimeout)
	defer cancel()
	var group runner.Group
	group.Go(func() { // the parent went away
		_, _ = io.Copy(io.Discard, in)
		cancel()
	})
	got, err := measure(ctx, o)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return fmt.Errorf("%s: %w", o.Stack, err)
	}
	if err := json.NewEncoder(out).Encode(got); err != nil {
		return err
	}
	group.Wait()
	return nil
}

// measure runs a stack until its window is over.
func measure(ctx context.Context, o order) (figures, error) {
	run, err := stackOf(o.Stack)
	if err != nil {
		return figures{}, err
	}
	profile, err := newProfile(o.Profile)
	if err != nil {
		return figures{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m := &meter{first: o.WarmUp, last: o.WarmUp + o.Messages, started: profile.start}
	m.finished = func() { profile.stop(); cancel() }
	if err := run(ctx, o, m.count); err != nil {
		return figures{}, err
	}
	if err := errors.Join(m.begin.err, m.end.err, profile.err); err != nil {
		return figures{}, err
	}
	if m.end.at.IsZero() {
		return figures{}, fmt.Errorf("ended after %d of %d messages", m.n.Load(), m.last)
	}
	return m.figures(), nil
}

// profile is a CPU profile of the window, or nothing without a file.
type profile struct {
	file *os.File
	err  error
}

func newProfile(name string) (*profile, error) {
	if name == "" {
		return &profile{}, nil
	}
	file, err := os.Create(name)
	return &profile{file: file}, err
}

func (p *profile) start() {
	if p.file != nil {
		p.err = pprof.StartCPUProfile(p.file)
	}
}

func (p *profile) stop() {
	if p.file != nil {
		pprof.StopCPUProfile()
		p.err = errors.Join(p.err, p.file.Close())
	}
}
