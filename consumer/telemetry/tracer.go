package telemetry

import (
	"context"
	"log/slog"
	"maps"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers"
)

// TracerConfig says how spans are made.
type TracerConfig struct {
	// Provider makes the spans. Default otel.GetTracerProvider.
	Provider trace.TracerProvider
	// System names the broker, such as "nats" or "gcp_pubsub". Default "": not told.
	System string
	// Propagator finds the producer's span in the attributes of a message; the
	// attempt's is linked to it. Nil makes no links.
	Propagator propagation.TextMapPropagator
	// Flush sends the spans that ended; the SDK's ForceFlush is one. It is called
	// after an attempt that panicked or exited, and the message waits for it. Nil
	// means nothing is flushed.
	Flush func(context.Context) error
	// FlushTimeout bounds it. Default 2 s.
	FlushTimeout time.Duration
	// Scrub goes over error and panic texts. Default [Scrub].
	Scrub func(string) string
	// Logger hears of what could not be flushed. Nil discards it.
	Logger *slog.Logger
}

// Tracer makes a span for each attempt. It is a consumer.Observer; each attempt is
// the root of a trace of its own, linked to the span that published the message.
// Samplers see its name and kind; what a span says is added to those that are
// recorded.
type Tracer struct {
	cfg     TracerConfig
	scrub   scrubber
	tracer  trace.Tracer
	options []trace.SpanStartOption
	names   names
}

var (
	_ consumer.Observer     = (*Tracer)(nil)
	_ consumer.AttemptEnder = (*Tracer)(nil)
	_ consumer.SpanNamer    = (*Tracer)(nil)
)

// NewTracer returns a Tracer.
func NewTracer(cfg TracerConfig) *Tracer {
	if cfg.Provider == nil {
		cfg.Provider = otel.GetTracerProvider()
	}
	if cfg.FlushTimeout <= 0 {
		cfg.FlushTimeout = 2 * time.Second
	}
	if cfg.Scrub == nil {
		cfg.Scrub = Scrub
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Tracer{
		cfg: cfg, scrub: cfg.Scrub, tracer: cfg.Provider.Tracer(ScopeName),
		options: []trace.SpanStartOption{trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindConsumer)},
	}
}

// spanKey finds our span in a context: the one that is active there may be the
// program's own.
type spanKey struct{}

func spanOf(ctx context.Context) trace.Span {
	if span, ok := ctx.Value(spanKey{}).(trace.Span); ok {
		return span
	}
	return noop.Span{}
}

// AttemptStarted implements [consumer.Observer]: the handler's context carries the
// span.
func (t *Tracer) AttemptStarted(ctx context.Context, sub string, m handlers.Message) context.Context {
	ctx, span := t.tracer.Start(ctx, t.names.of(sub), t.options...)
	if !span.IsRecording() {
		return ctx // most have none, where one in a hundred is sampled, and must cost little
	}
	span.SetAttributes(t.attributes(sub, m)...)
	if t.cfg.Propagator != nil {
		from := t.cfg.Propagator.Extract(context.WithoutCancel(ctx), propagation.MapCarrier(m.Attributes))
		if producer := trace.SpanContextFromContext(from); producer.IsRemote() {
			span.AddLink(trace.Link{SpanContext: producer})
		}
	}
	return context.WithValue(ctx, spanKey{}, span)
}

// names remembers the names of spans by subscription.
type names struct {
	known atomic.Pointer[map[string]string] // replaced, never changed
}

func (n *names) of(sub string) string {
	var known map[string]string
	if p := n.known.Load(); p != nil {
		known = *p
	}
	if name, ok := known[sub]; ok {
		return name
	}
	name := spanName(sub)
	if len(known) < maxSubscriptions {
		next := maps.Clone(known)
		if next == nil {
			next = make(map[string]string)
		}
		next[sub] = name
		n.known.Store(&next) // one of two that come at once is remembered later
	}
	return name
}

func (t *Tracer) attributes(sub string, m handlers.Message) []attribute.KeyValue {
	all := messaging(sub, m.ID)
	if t.cfg.System != "" {
		all = append(all, attribute.String(keySystem, t.cfg.System))
	}
	return append(all, attribute.Int(keyAttempt, max(m.DeliveryAttempt, 1)))
}

// messaging is what every span of an attempt says.
func messaging(sub, id string) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String(keyOperationName, operation), attribute.String(keyOperationType, operation),
		attribute.String(keySubscription, tag(sub)), attribute.String(keyMessageID, tag(id)),
	}
}

func spanName(sub string) string { return operation + " " + tag(sub) }

// SpanName implements [consumer.SpanNamer]. A span that is not sampled has no name:
// nobody would find it.
func (t *Tracer) SpanName(ctx context.Context) (traceID [16]byte, spanID [8]byte) {
	if sc := spanOf(ctx).SpanContext(); sc.IsSampled() {
		return sc.TraceID(), sc.SpanID()
	}
	return traceID, spanID
}

// AttemptEnded implements [consumer.AttemptEnder]: the span of a failure ends, and
// after a panic what has ended is flushed.
func (t *Tracer) AttemptEnded(ctx context.Context, _ string, _ handlers.Message, a handlers.Attempt) {
	t.end(ctx, a)
	switch a.Outcome {
	case handlers.OutcomePanicked, handlers.OutcomeExited:
		t.flush(ctx)
	default:
	}
}

// AttemptSettled implements [consumer.Observer]: the span of a success ends.
func (t *Tracer) AttemptSettled(ctx context.Context, s consumer.Settled) {
	if s.Attempt.Outcome == handlers.OutcomeOK {
		t.end(ctx, s.Attempt)
	}
}

func (t *Tracer) end(ctx context.Context, a handlers.Attempt) {
	span := spanOf(ctx)
	// Whatever panics below, a user's scrub function for one: the span ends.
	defer span.End(trace.WithTimestamp(a.Ended))
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attribute.String(keyOutcome, a.Outcome.String()), attribute.String(keyHandler, a.Handler))
	if a.Replay {
		span.SetAttributes(attribute.Bool(keyReplay, true))
	}
	if !a.Outcome.IsFailure() {
		return
	}
	kind, text := a.Outcome.String(), a.Panic
	if len(a.Errors) > 0 {
		kind = a.Errors[0].Type
		if text == "" {
			text = a.Errors[0].Text
		}
	}
	text = t.scrub.text(text)
	span.SetStatus(codes.Error, text)
	span.SetAttributes(attribute.String(keyErrorType, kind))
	span.AddEvent("exception", trace.WithTimestamp(a.Ended),
		trace.WithAttributes(attribute.String("exception.type", kind), attribute.String("exception.message", text)))
}

func (t *Tracer) flush(ctx context.Context) {
	if t.cfg.Flush == nil {
		return
	}
	// The attempt's context has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.cfg.FlushTimeout)
	defer cancel()
	if err := t.cfg.Flush(ctx); err != nil {
		t.cfg.Logger.Warn("cannot flush spans after a panic", "error", err)
	}
}
