package telemetry

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// googlePrefix stands before the names of attributes in which Google's Pub/Sub client
// carries the context of a publish, so that they do not meet the program's own.
const googlePrefix = "googclient_"

// Bounds of what is read of a message's attributes: a traceparent has 55 bytes, and of
// a tracestate whoever follows the specification keeps 512.
const (
	maxTraceParent = 256
	maxTraceState  = 8 << 10
)

// producerOf returns the span that published a message, as its attributes have it: what
// Google's client wrote, or else plain W3C attributes. It is invalid without one. The
// values are hostile: what is not exactly as it should be is no span.
func producerOf(ctx context.Context, by propagation.TextMapPropagator, attributes map[string]string) trace.SpanContext {
	if len(attributes) == 0 {
		return trace.SpanContext{}
	}
	// Whatever span the program runs in is no producer of the message.
	nobody := trace.ContextWithSpanContext(ctx, trace.SpanContext{})
	for _, prefix := range []string{googlePrefix, ""} {
		from := by.Extract(nobody, attributeCarrier{prefix: prefix, attributes: attributes})
		if found := trace.SpanContextFromContext(from); found.IsValid() && found.IsRemote() {
			return found
		}
	}
	return trace.SpanContext{}
}

// attributeCarrier shows a message's attributes to a propagator.
type attributeCarrier struct {
	prefix     string
	attributes map[string]string
}

// Get implements propagation.TextMapCarrier.
func (c attributeCarrier) Get(key string) string {
	value := c.attributes[c.prefix+key]
	limit := maxTraceState
	if key == "traceparent" {
		limit = maxTraceParent
	}
	if len(value) > limit {
		return ""
	}
	return value
}

// Set implements propagation.TextMapCarrier.
func (c attributeCarrier) Set(key, value string) { c.attributes[c.prefix+key] = value }

// Keys implements propagation.TextMapCarrier. It is for propagators of other formats,
// which look for names of their own.
func (c attributeCarrier) Keys() []string {
	keys := make([]string, 0, len(c.attributes))
	for name := range c.attributes {
		if key, ok := strings.CutPrefix(name, c.prefix); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// Inject returns what publishers of this module take as their Inject: it adds the span
// that is active in ctx to the attributes of a message, for its consumers to link to.
// Attributes that are there already are kept: a message that is passed on keeps its
// origin. by is W3C trace context if it is nil.
func Inject(by propagation.TextMapPropagator) func(ctx context.Context, set func(name, value string)) {
	if by == nil {
		by = propagation.TraceContext{}
	}
	return func(ctx context.Context, set func(name, value string)) {
		if trace.SpanContextFromContext(ctx).IsValid() {
			by.Inject(ctx, setter(set))
		}
	}
}

// setter is a carrier that only takes.
type setter func(name, value string)

// Get implements propagation.TextMapCarrier.
func (setter) Get(string) string { return "" }

// Set implements propagation.TextMapCarrier.
func (s setter) Set(name, value string) { s(name, value) }

// Keys implements propagation.TextMapCarrier.
func (setter) Keys() []string { return nil }
