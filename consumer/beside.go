package consumer

import (
	"context"
	"errors"

	"github.com/theriac/theriac/internal/runner"
)

// Beside is what consumers need beside them for as long as they run.
type Beside struct {
	// Run are the parts, such as quarantine.Service.Run and ward.Ward.Run. They begin
	// before the consumers and end after them, since the consumers give them what they
	// still hold. When one of them fails the consumers are stopped.
	Run []func(ctx context.Context) error
	// Ready, if not nil, is waited for before the first message is pulled:
	// quarantine.Service.Ready.
	Ready <-chan struct{}
	// Began, if not nil, is called just before that: guardian.Role.Ready.
	Began func()
}

// RunBeside runs consumers together, as [RunAll] does, with what they need beside
// them. It returns when all has ended: nil after ctx ended, else all errors joined.
func RunBeside(ctx context.Context, beside Beside, consumers ...*Consumer) error {
	aside, endAside := context.WithCancel(context.WithoutCancel(ctx))
	defer endAside()
	work, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	var group runner.Group
	group.Go(func() {
		defer stop()
		ended <- runner.Run(aside, append(beside.Run[:len(beside.Run):len(beside.Run)], untilDone)...)
	})
	var err error
	if beside.ready(work) {
		err = RunAll(work, consumers...)
	}
	endAside()
	group.Wait()
	return errors.Join(err, <-ended)
}

// ready waits until messages may be pulled. It returns false if ctx ends before.
func (b Beside) ready(ctx context.Context) bool {
	if b.Ready != nil {
		select {
		case <-b.Ready:
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return false
	}
	if b.Began != nil {
		b.Began()
	}
	return true
}

func untilDone(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
