//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package localfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/theriac/theriac/internal/runner"
)

// Queue lets processes take turns. Unlike [WaitLock] it does not look again and again: the kernel wakes
// who waits, as soon as it is their turn. The kernel also ends the turn of a process that dies. It is for
// turns of milliseconds, and safe for concurrent use.
type Queue struct {
	file *os.File
	turn chan struct{} // has room for one: within a process one waits, the others wait for it
	wait runner.Group
}

// OpenQueue opens the queue whose place is the file at path, which is made if there is none.
func OpenQueue(path string) (*Queue, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	return &Queue{file: file, turn: make(chan struct{}, 1)}, nil
}

// Enter returns when it is the caller's turn, which lasts until leave is called, or with an error when
// ctx ended first.
func (q *Queue) Enter(ctx context.Context) (leave func(), err error) {
	select {
	case q.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for %s: %w", q.file.Name(), context.Cause(ctx))
	}
	err = flock(q.file, syscall.LOCK_EX)
	if errors.Is(err, ErrHeld) {
		return q.stand(ctx)
	}
	if err != nil {
		<-q.turn
		return nil, err
	}
	return q.leave, nil
}

// stand waits for whoever has the lock. A wait in the kernel cannot be called off, so when ctx ends first
// it goes on without its caller, and gives the turn back.
func (q *Queue) stand(ctx context.Context) (leave func(), err error) {
	got := make(chan error, 1)
	q.wait.Go(func() { got <- q.lock() })
	select {
	case err := <-got:
		if err != nil {
			<-q.turn
			return nil, err
		}
		return q.leave, nil
	case <-ctx.Done():
		q.wait.Go(func() {
			if <-got == nil {
				q.leave()
				return
			}
			<-q.turn
		})
		return nil, fmt.Errorf("wait for %s: %w", q.file.Name(), context.Cause(ctx))
	}
}

func (q *Queue) lock() error {
	for {
		err := syscall.Flock(int(q.file.Fd()), syscall.LOCK_EX)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return &fs.PathError{Op: "lock", Path: q.file.Name(), Err: err}
		}
		return nil
	}
}

func (q *Queue) leave() {
	_ = syscall.Flock(int(q.file.Fd()), syscall.LOCK_UN) // of a lock that is held it does not fail
	<-q.turn
}

// Close closes the queue, after whoever has a turn or waits for one.
func (q *Queue) Close() error {
	q.turn <- struct{}{}
	defer func() { <-q.turn }() // who comes later is told that it is closed
	q.wait.Wait()
	return q.file.Close()
}
