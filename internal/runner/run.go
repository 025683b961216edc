package runner

import (
	"context"
	"errors"
)

// ErrGoexit is returned by [Run] for a function that ended its goroutine with runtime.Goexit
// instead of returning.
var ErrGoexit = errors.New("a running part called runtime.Goexit instead of returning")

// Run runs every fn in a goroutine of its own and returns when all of them have ended. The context
// they receive is cancelled when ctx is, and as soon as one of them returns an error or panics.
//
// A nil return means "done": the others go on. Run returns nil if every fn did, else all errors
// joined in the order of fns. What a function returns once the context is over is left out if it
// is nothing but context.Canceled, wrapped or not, because then it only did what it was asked; any
// other error is kept, also when joined with context.Canceled. A panic is returned as a
// *[PanicError]. Run with no functions returns nil at once.
func Run(ctx context.Context, fns ...func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(fns))
	var group Group
	for i, fn := range fns {
		group.Go(func() {
			err := ErrGoexit
			defer func() {
				if asked := ctx.Err() != nil; asked && isOnlyCanceled(err) {
					return
				}
				if errs[i] = err; err != nil {
					cancel()
				}
			}()
			err = call(ctx, fn)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// call runs fn and turns its panic into an error.
func call(ctx context.Context, fn func(ctx context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = newPanicError(v)
		}
	}()
	return fn(ctx)
}

// isOnlyCanceled reports whether every leaf of err is context.Canceled. errors.Is would not do: it
// is satisfied by one leaf, and the error joined with it would be lost.
func isOnlyCanceled(err error) bool {
	switch e := err.(type) { //nolint:errorlint // this is the walk along the chain
	case nil, *PanicError:
		return false
	case interface{ Unwrap() error }:
		return isOnlyCanceled(e.Unwrap())
	case interface{ Unwrap() []error }:
		parts := e.Unwrap()
		for _, part := range parts {
			if !isOnlyCanceled(part) {
				return false
			}
		}
		return len(parts) > 0
	default:
		return err == context.Canceled //nolint:errorlint // a leaf wraps nothing
	}
}
