// Package handlertest helps to test handlers without a broker: build a message,
// run a handler once, and ask what its answer means.
package handlertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/theriac/theriac/handlers"
)

// Message returns a message with this payload and a fixed id and publish time.
func Message(data []byte) handlers.Message {
	return handlers.Message{
		ID:          "test-1",
		Data:        data,
		PublishedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

// JSON returns a message whose payload is v in JSON; a string is taken as JSON
// that is written out already. It panics if v cannot be encoded.
func JSON(v any) handlers.Message {
	if text, ok := v.(string); ok {
		return Message([]byte(text))
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("handlertest: %v", err))
	}
	return Message(data)
}

// Result is how one run of a handler ended.
type Result struct {
	// Outcome is one of ok, deferred, failed, panicked, exited and timed out.
	Outcome handlers.Outcome
	// Class and Delay are what the error asks for.
	Class handlers.ErrorClass
	Delay time.Duration
	// Err is the handler's error; after a panic it wraps the panic's text.
	Err error
	// Panic is the panic's value.
	Panic any
}

// ErrPanicked is wrapped by Result.Err after a panic, ErrExited is it after
// runtime.Goexit, and ErrTimedOut after the deadline.
var (
	ErrPanicked = errors.New("handler panicked")
	ErrExited   = errors.New("handler called runtime.Goexit")
	ErrTimedOut = errors.New("handler did not return in time")
)

// Run runs h on m once, on a goroutine of its own, and returns how it ended:
// panics, runtime.Goexit and, where ctx has a deadline, time-outs included. A
// handler that ignores its context is left behind. For the consumer's whole
// pipeline use consumertest.Run.
func Run(ctx context.Context, h handlers.Handler, m handlers.Message) Result {
	ended := make(chan Result, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		res := Result{Outcome: handlers.OutcomeExited, Class: handlers.ClassFailed, Err: ErrExited}
		defer func() { ended <- res }()
		defer func() {
			if v := recover(); v != nil {
				res = Result{Outcome: handlers.OutcomePanicked, Class: handlers.ClassFailed, Err: fmt.Errorf("%w: %v", ErrPanicked, v), Panic: v}
			}
		}()
		res = answered(h.Handle(ctx, m))
	})
	select {
	case res := <-ended:
		return res
	case <-ctx.Done():
	}
	// It may have answered at the same moment.
	select {
	case res := <-ended:
		return res
	default:
		return Result{Outcome: handlers.OutcomeTimedOut, Class: handlers.ClassFailed, Err: ErrTimedOut}
	}
}

func answered(err error) Result {
	res := Result{Class: handlers.Class(err), Delay: handlers.Delay(err), Err: err}
	switch res.Class {
	case handlers.ClassNone:
		res.Outcome = handlers.OutcomeOK
	case handlers.ClassAgain:
		res.Outcome = handlers.OutcomeDeferred
	default:
		res.Outcome = handlers.OutcomeFailed
	}
	return res
}
