package handlertest_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/handlertest"
)

func TestRun(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	tests := []struct {
		name    string
		handle  handlers.HandlerFunc
		outcome handlers.Outcome
		is      error
	}{
		{"ok", func(context.Context, handlers.Message) error { return nil }, handlers.OutcomeOK, nil},
		{"error", func(context.Context, handlers.Message) error { return boom }, handlers.OutcomeFailed, boom},
		{"again", func(context.Context, handlers.Message) error { return handlers.Again(time.Second) }, handlers.OutcomeDeferred, nil},
		{"panic", func(context.Context, handlers.Message) error { panic(boom) }, handlers.OutcomePanicked, handlertest.ErrPanicked},
		{"exit", func(context.Context, handlers.Message) error { runtime.Goexit(); return nil }, handlers.OutcomeExited, handlertest.ErrExited},
		{"hang", func(ctx context.Context, _ handlers.Message) error { <-time.After(time.Hour); return nil }, handlers.OutcomeTimedOut, handlertest.ErrTimedOut},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				got := handlertest.Run(ctx, tt.handle, handlertest.JSON(map[string]int{"n": 1}))
				if got.Outcome != tt.outcome {
					t.Errorf("outcome %s, want %s", got.Outcome, tt.outcome)
				}
				if tt.is != nil && !errors.Is(got.Err, tt.is) {
					t.Errorf("error %v, want %v", got.Err, tt.is)
				}
				<-time.After(2 * time.Hour) // lets the hanging handler end in virtual time
			})
		})
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	if got := string(handlertest.JSON(map[string]int{"n": 1}).Data); got != `{"n":1}` {
		t.Errorf("a value became %s", got)
	}
	if got := string(handlertest.JSON(`{"customer":null}`).Data); got != `{"customer":null}` {
		t.Errorf("text became %s", got)
	}
}
