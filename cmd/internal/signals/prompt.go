package signals

import (
	"context"
	"errors"
	"sync"
	"time"

	tracesdk "go.opentelemetry.io/otel/sdk/trace"
)

// promptEvery and promptBurst bound how many spans are handed to the guardian one by one. It posts one
// request at a time for a collector, so with 50 ms for each there is room for twice as many.
const (
	promptEvery = 100 * time.Millisecond
	promptBurst = 20
)

// prompt hands spans over when they end, so that none is lost with its process, and in batches what is
// more than that: a process that does much loses the successes of its last moments, and an attempt that
// panicked is flushed in any case.
type prompt struct {
	now, later tracesdk.SpanProcessor

	mu sync.Mutex
	// free is since when the whole burst is there, or will be.
	free time.Time
}

func newPrompt(now, later tracesdk.SpanProcessor) *prompt { return &prompt{now: now, later: later} }

// may reports whether one more can be handed over by itself.
func (p *prompt) may(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free.Before(now) {
		p.free = now
	}
	if p.free.Sub(now) > (promptBurst-1)*promptEvery {
		return false
	}
	p.free = p.free.Add(promptEvery)
	return true
}

// OnStart implements tracesdk.SpanProcessor; neither way does anything then.
func (*prompt) OnStart(context.Context, tracesdk.ReadWriteSpan) {}

// OnEnd implements tracesdk.SpanProcessor.
func (p *prompt) OnEnd(s tracesdk.ReadOnlySpan) {
	if s.SpanContext().IsSampled() && p.may(time.Now()) {
		p.now.OnEnd(s)
		return
	}
	p.later.OnEnd(s)
}

// ForceFlush implements tracesdk.SpanProcessor.
func (p *prompt) ForceFlush(ctx context.Context) error {
	return errors.Join(p.now.ForceFlush(ctx), p.later.ForceFlush(ctx))
}

// Shutdown implements tracesdk.SpanProcessor. What waits goes first: both end the same exporter.
func (p *prompt) Shutdown(ctx context.Context) error {
	return errors.Join(p.later.Shutdown(ctx), p.now.Shutdown(ctx))
}
