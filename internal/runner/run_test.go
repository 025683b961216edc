package runner_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/internal/runner"
)

var (
	errA = errors.New("a failed")
	errB = errors.New("b failed")
)

func ok(context.Context) error { return nil }

// untilCancelled returns a function that waits for the end of its context and then returns err.
func untilCancelled(err error) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		return err
	}
}

func fails(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

func TestRun(t *testing.T) {
	t.Parallel()
	type fns = []func(context.Context) error
	wrapped := fmt.Errorf("write row 7: %w", context.Canceled)
	tests := []struct {
		name string
		fns  fns
		want []error // all of these, and nil when empty
	}{
		{"Nothing", nil, nil},
		{"AllDone", fns{ok, ok}, nil},
		{"OneFails_RestIsCancelled", fns{fails(errA), untilCancelled(nil)}, []error{errA}},
		{"TwoFail", fns{fails(errA), untilCancelled(errB)}, []error{errA, errB}},
		{"CancelledOnesAreNoErrors", fns{fails(errA), untilCancelled(context.Canceled), untilCancelled(wrapped)}, []error{errA}},
		{"JoinedWithCancelIsKept", fns{fails(errA), untilCancelled(errors.Join(context.Canceled, errB))}, []error{errA, errB}},
		{"JoinedCancelsAreNoErrors", fns{fails(errA), untilCancelled(errors.Join(wrapped, context.Canceled))}, []error{errA}},
		{"CancelWithoutCancellationIsAnError", fns{fails(wrapped), untilCancelled(nil)}, []error{context.Canceled}},
		{"Goexit", fns{func(context.Context) error { runtime.Goexit(); return nil }, untilCancelled(nil)}, []error{runner.ErrGoexit}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := runner.Run(t.Context(), tt.fns...)
			if got := leaves(err); len(got) != len(tt.want) {
				t.Fatalf("Run = %v, want exactly %v", err, tt.want)
			}
			for _, want := range tt.want {
				if !errors.Is(err, want) {
					t.Errorf("Run = %v, want it to hold %v", err, want)
				}
			}
		})
	}
}

func leaves(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return nil
}

func TestRun_NilReturnLeavesTheOthersRunning(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := runner.Run(t.Context(), ok, func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return errA
			case <-time.After(time.Hour):
				return nil
			}
		})
		if err != nil || time.Since(start) != time.Hour {
			t.Errorf("Run = %v after %v, want nil after an hour", err, time.Since(start))
		}
	})
}

func TestRun_ParentCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan struct{})
	err := runner.Run(ctx,
		func(ctx context.Context) error {
			close(started)
			<-ctx.Done()
			return ctx.Err()
		},
		func(context.Context) error {
			<-started
			cancel()
			return nil
		})
	if err != nil {
		t.Errorf("Run = %v, want nil: being stopped is no error", err)
	}
}

func TestRun_DeadlineIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := runner.Run(ctx, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Run = %v, want the deadline to be told", err)
		}
	})
}

func TestRun_PanicCancelsTheRestAndIsReturned(t *testing.T) {
	t.Parallel()
	err := runner.Run(t.Context(), func(context.Context) error { explode(errA); return nil }, untilCancelled(nil))
	p, ok := errors.AsType[*runner.PanicError](err)
	if !ok {
		t.Fatalf("Run = %v, want a *PanicError", err)
	}
	checkPanic(t, p, errA)
}

func TestRun_PanicWithCanceledIsNotForgiven(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := runner.Run(ctx, func(context.Context) error { explode(context.Canceled); return nil })
	if _, ok := errors.AsType[*runner.PanicError](err); !ok {
		t.Errorf("Run = %v, want a *PanicError", err)
	}
}
