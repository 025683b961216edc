package telemetry

import (
	"context"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers"
)

// Observers makes one observer of several, which are called in this order. Put
// those whose evidence matters most first. The first consumer.SpanNamer among them
// names the spans. A panic in one does not keep the others from being told of ends.
func Observers(all ...consumer.Observer) consumer.Observer {
	o := observers{all: all}
	for _, by := range all {
		if namer, ok := by.(consumer.SpanNamer); ok && o.spans == nil {
			o.spans = namer
		}
	}
	return o
}

type observers struct {
	all   []consumer.Observer
	spans consumer.SpanNamer
}

// AttemptStarted implements [consumer.Observer].
func (o observers) AttemptStarted(ctx context.Context, sub string, m handlers.Message) context.Context {
	for _, by := range o.all {
		if next := by.AttemptStarted(ctx, sub, m); next != nil {
			ctx = next
		}
	}
	return ctx
}

// AttemptEnded implements [consumer.AttemptEnder].
func (o observers) AttemptEnded(ctx context.Context, sub string, m handlers.Message, a handlers.Attempt) {
	each(o.all, func(by consumer.Observer) {
		if ender, ok := by.(consumer.AttemptEnder); ok {
			ender.AttemptEnded(ctx, sub, m, a)
		}
	})
}

// AttemptSettled implements [consumer.Observer].
func (o observers) AttemptSettled(ctx context.Context, s consumer.Settled) {
	each(o.all, func(by consumer.Observer) { by.AttemptSettled(ctx, s) })
}

// SpanName implements [consumer.SpanNamer].
func (o observers) SpanName(ctx context.Context) (traceID [16]byte, spanID [8]byte) {
	if o.spans == nil {
		return traceID, spanID
	}
	return o.spans.SpanName(ctx)
}

// each calls f for all, also when it panics for one; the panic then goes on.
func each(all []consumer.Observer, f func(consumer.Observer)) {
	if len(all) == 0 {
		return
	}
	defer each(all[1:], f)
	f(all[0])
}
