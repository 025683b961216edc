package consumer

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/theriac/theriac/handlers"
)

// guarded is a quarantine whose panics are errors. It is asked on the broker
// client's goroutines, where a panic ends the process and with it every other
// message; as an error it makes one message wait.
type guarded struct {
	to  Quarantine
	log *slog.Logger
}

var errQuarantinePanicked = errors.New("the quarantine panicked")

// caught is deferred by each method.
func (g *guarded) caught(err *error) {
	if v := recover(); v != nil {
		g.log.Error("the quarantine panicked; the message waits", "panic", panicText(v), "stack", string(debug.Stack()))
		*err = errQuarantinePanicked
	}
}

func (g *guarded) RecordAttempt(ctx context.Context, sub string, m handlers.Message, a handlers.Attempt) (t handlers.Totals, err error) {
	defer g.caught(&err)
	return g.to.RecordAttempt(ctx, sub, m, a)
}

func (g *guarded) Quarantine(ctx context.Context, sub string, m handlers.Message, ev handlers.Evidence) (ref string, err error) {
	defer g.caught(&err)
	return g.to.Quarantine(ctx, sub, m, ev)
}

func (g *guarded) Standing(ctx context.Context, sub string, m *handlers.Message) (s handlers.Standing, err error) {
	defer g.caught(&err)
	return g.to.Standing(ctx, sub, m)
}

func (g *guarded) NextReplay(ctx context.Context, sub string) (r handlers.Replay, err error) {
	defer g.caught(&err)
	return g.to.NextReplay(ctx, sub)
}

func (g *guarded) FinishReplay(ctx context.Context, sub string, r handlers.Replay, a handlers.Attempt) (err error) {
	defer g.caught(&err)
	return g.to.FinishReplay(ctx, sub, r, a)
}

func (g *guarded) ReportCrash(ctx context.Context, crash handlers.Crash) (err error) {
	defer g.caught(&err)
	return g.to.ReportCrash(ctx, crash)
}

func (g *guarded) SettleSuspect(ctx context.Context, sub string, m handlers.Message, f handlers.Fate) (err error) {
	defer g.caught(&err)
	return g.to.SettleSuspect(ctx, sub, m, f)
}

func (g *guarded) Reprieve(ctx context.Context, sub string, since time.Time, why string) (n int, err error) {
	defer g.caught(&err)
	return g.to.Reprieve(ctx, sub, since, why)
}

// FollowControls calls back on its own goroutine, which is nobody's message.
func (g *guarded) FollowControls(ctx context.Context, sub string, apply func(handlers.Controls) handlers.Obeyed) (err error) {
	defer g.caught(&err)
	return g.to.FollowControls(ctx, sub, apply)
}
