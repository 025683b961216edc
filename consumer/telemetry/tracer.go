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
	"github.com/theriac/theriac/handlers/redact"
)

// TracerConfig says how spans are made.
type TracerConfig struct {
	// Provider makes the spans. Default otel.GetTracerProvider.
	Provider trace.TracerProvider
	// System names the broker, such as "nats" or "gcp_pubsub". Default "": not told.
	System string
	// Destinations are the topic or stream of each subscription, by its name. Default:
	// not told.
	Destinations map[string]string
	// Propagator finds the producer's span in the attributes of a message, with the
	// prefix that Google's Pub/Sub client writes (googclient_) or without. Default:
	// W3C trace context.
	Propagator propagation.TextMapPropagator
	// Parent makes the producer's span the parent of each attempt's, whose trace and
	// sampling it then shares. Default false: each attempt is the root of a trace of its
	// own, and linked to the producer's span. A message may be delivered for days, and
	// a batch has many producers, so a link is what the conventions ask for.
	Parent bool
	// Flush sends the spans that ended; the SDK's ForceFlush is one. It is called
	// after an attempt that panicked or exited, and the message waits for it. Nil
	// means nothing is flushed.
	Flush func(context.Context) error
	// FlushTimeout bounds it. Default 2 s.
	FlushTimeout time.Duration
	// Redact says what is safe of ordering keys and of error and panic texts, as in
	// SentryConfig.
	Redact *redact.Redactor
	// AllTexts tells all texts of errors and panics, after Scrub. Default false.
	AllTexts bool
	// Scrub goes over every text that is told. Default [Scrub].
	Scrub func(string) string
	// Logger hears of what could not be flushed. Nil discards it.
	Logger *slog.Logger
}

// Tracer makes a span for each attempt, also in wards and for replays. It is a
// consumer.Observer. Which attempts are sampled is for the provider to say, by the
// span's name and kind; what a span says is added to those that are recorded, and
// what is not costs next to nothing.
type Tracer struct {
	cfg    TracerConfig
	texts  texts
	tracer trace.Tracer
	root   []trace.SpanStartOption
	child  []trace.SpanStartOption
	names  names
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
	if cfg.Propagator == nil {
		cfg.Propagator = propagation.TraceContext{}
	}
	child := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindConsumer)}
	return &Tracer{
		cfg: cfg, texts: texts{safe: cfg.Redact, all: cfg.AllTexts, scrub: cfg.Scrub}, tracer: cfg.Provider.Tracer(ScopeName),
		root: []trace.SpanStartOption{child[0], trace.WithNewRoot()}, child: child,
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
	producer := trace.SpanContext{}
	from, options := ctx, t.root
	if t.cfg.Parent {
		if producer = producerOf(ctx, t.cfg.Propagator, m.Attributes); producer.IsValid() {
			from, options = trace.ContextWithRemoteSpanContext(ctx, producer), t.child
		}
	}
	ctx, span := t.tracer.Start(from, t.names.of(sub), options...)
	if !span.IsRecording() {
		return ctx // most have none, where one in a hundred is sampled, and must cost little
	}
	span.SetAttributes(t.attributes(ctx, sub, m)...)
	if !t.cfg.Parent {
		if producer = producerOf(ctx, t.cfg.Propagator, m.Attributes); producer.IsValid() {
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

func (t *Tracer) attributes(ctx context.Context, sub string, m handlers.Message) []attribute.KeyValue {
	all := append(make([]attribute.KeyValue, 0, 12), messaging(sub, m.ID)...)
	if t.cfg.System != "" {
		all = append(all, attribute.String(keySystem, t.cfg.System))
	}
	if to := t.cfg.Destinations[sub]; to != "" {
		all = append(all, attribute.String(keyDestination, to))
	}
	if m.DeliveryAttempt > 0 && t.cfg.System == systemPubSub {
		all = append(all, attribute.Int(keyDelivery, m.DeliveryAttempt))
	}
	if key := t.cfg.Redact.OrderingKey(sub, m.OrderingKey); key != "" && key != redact.Withheld && t.cfg.System == systemPubSub {
		all = append(all, attribute.String(keyOrderingKey, key))
	}
	if r, ok := handlers.ReplayFrom(ctx); ok {
		all = append(all, attribute.Bool(keyReplay, true), attribute.String(keyEntry, tag(r.Ref)))
	}
	return append(all, attribute.Int(keyBodySize, len(m.Data)), attribute.Int(keyAttempt, max(m.DeliveryAttempt, 1)))
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
	if !a.Outcome.IsFailure() {
		return
	}
	kind, text := orElse(kindOf(a), a.Outcome.String()), a.Panic
	if text == "" && len(a.Errors) > 0 {
		text = a.Errors[0].Text
	}
	text = t.texts.of(kind, text)
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
