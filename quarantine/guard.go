package quarantine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/theriac/theriac/internal/runner"
)

// PanicError is a panic of the store, or of what reads a payload, that was
// caught: hostile data must not stop the room.
type PanicError struct {
	// Doing is what was being done.
	Doing string
	// Value is the panic's value as text, Stack where it happened.
	Value, Stack string
}

// Error says what panicked, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("%s panicked: %s", e.Doing, e.Value) }

// ProblemKind returns "internal".
func (e *PanicError) ProblemKind() string { return "internal" }

// safely runs f and turns its panic into a *[PanicError].
func safely(doing string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Doing: doing, Value: clean(fmt.Sprint(v), 1024), Stack: string(debug.Stack())}
		}
	}()
	return f()
}

// within calls f with a context that ends after d and waits for it hardly
// longer. A panic comes back as *[PanicError], a call that was late as an error
// wrapping [ErrUnavailable]. A call that does not obey its context is left
// behind on its own goroutine, and what it returns later goes nowhere: a store
// that hangs may cost memory, but nobody waits for it.
func within[T any](ctx context.Context, d time.Duration, doing string, f func(ctx context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	type result struct {
		value T
		err   error
	}
	answer := make(chan result, 1)
	var call runner.Group
	call.Go(func() {
		r := result{err: &PanicError{Doing: doing, Value: "its goroutine was ended by runtime.Goexit"}}
		defer func() { answer <- r }()
		r.err = safely(doing, func() (err error) {
			r.value, err = f(ctx)
			return err
		})
	})
	select {
	case r := <-answer:
		return r.value, lateIsUnavailable(doing, r.err)
	case <-ctx.Done():
	}
	grace := time.NewTimer(d/4 + 10*time.Millisecond)
	defer grace.Stop()
	select {
	case r := <-answer:
		return r.value, lateIsUnavailable(doing, r.err)
	case <-grace.C:
		var none T
		return none, lateIsUnavailable(doing, fmt.Errorf("did not return when its time was over: %w", context.Cause(ctx)))
	}
}

// lateIsUnavailable wraps a deadline that passed in [ErrUnavailable], and names
// the operation.
func lateIsUnavailable(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrUnavailable):
		return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
}
