package runner

import (
	"fmt"
	"runtime/debug"
)

// PanicError is a panic that was carried from the goroutine where it happened to the one that
// waits for it.
type PanicError struct {
	// Value is what was passed to panic.
	Value any
	// Stack is the text of the goroutine that panicked, as [debug.Stack] prints it, taken before
	// anything was unwound.
	Stack []byte
}

// newPanicError must be called by the deferred function that recovered v, while the stack still
// shows where the panic began.
func newPanicError(v any) *PanicError {
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// Error returns the panic value and, below it, the stack. It has many lines on purpose: when the
// owner does not recover, this text is all that the runtime prints of the original place.
func (e *PanicError) Error() string {
	return fmt.Sprintf("panic: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns the panic value if it is an error, so that errors.Is and errors.As see it.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
