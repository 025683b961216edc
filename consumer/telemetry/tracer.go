package telemetry

import (
	"context"
	"log/slog"
	"slices"
	"sync"
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
// consumer.Observer. Which attempts are sampled is for the provider to say; what is not
// sampled costs next to nothing.
type Tracer struct {
	cfg    TracerConfig
	texts  texts
	tracer trace.Tracer
	subs   sync.Map // by name, of *same
}

var (
	_ consumer.Observer     = (*Tracer)(nil)
	_ consumer.AttemptEnder = (*Tracer)(nil)
	_ consumer.SpanNamer    = (*Tracer)(nil)
)

// NewTracer fills what cfg leaves out with the defaults; it cannot fail and starts nothing.
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
	return &Tracer{cfg: cfg, texts: texts{safe: cfg.Redact, all: cfg.AllTexts, scrub: cfg.Scrub}, tracer: cfg.Provider.Tracer(ScopeName)}
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
// span. What concerns the message alone is added once it is known that the attempt is
// sampled: most are not.
func (t *Tracer) AttemptStarted(ctx context.Context, sub string, m handlers.Message) context.Context {
	same := t.sameFor(sub)
	if t.cfg.Parent {
		if producer := producerOf(ctx, t.cfg.Propagator, m.Attributes); producer.IsValid() {
			ctx, span := t.tracer.Start(trace.ContextWithRemoteSpanContext(ctx, producer), same.name, same.child...)
			return t.started(ctx, span, sub, m)
		}
	}
	ctx, span := t.tracer.Start(ctx, same.name, same.root...)
	if span.IsRecording() && !t.cfg.Parent {
		if producer := producerOf(ctx, t.cfg.Propagator, m.Attributes); producer.IsValid() {
			span.AddLink(trace.Link{SpanContext: producer})
		}
	}
	return t.started(ctx, span, sub, m)
}

func (t *Tracer) started(ctx context.Context, span trace.Span, sub string, m handlers.Message) context.Context {
	if span.IsRecording() {
		span.SetAttributes(t.attributes(ctx, sub, m)...)
	}
	return context.WithValue(ctx, spanKey{}, span)
}

// same is what the spans of all attempts of a subscription begin with; samplers see it.
type same struct {
	name        string
	root, child []trace.SpanStartOption
}

// sameFor returns the subscription's, made at its first attempt: a program has few
// subscriptions.
func (t *Tracer) sameFor(sub string) *same {
	if found, ok := t.subs.Load(sub); ok {
		return found.(*same) //nolint:forcetypeassert // nothing else is kept there
	}
	all := subscriptionAttributes(sub)
	if t.cfg.System != "" {
		all = append(all, attribute.String(keySystem, t.cfg.System))
	}
	if to := t.cfg.Destinations[sub]; to != "" {
		all = append(all, attribute.String(keyDestination, to))
	}
	s := &same{name: spanName(sub), child: []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(all...)}}
	s.root = append(slices.Clone(s.child), trace.WithNewRoot())
	t.subs.Store(sub, s)
	return s
}

// attributes are what concerns the message.
func (t *Tracer) attributes(ctx context.Context, sub string, m handlers.Message) []attribute.KeyValue {
	all := append(make([]attribute.KeyValue, 0, 8), attribute.String(keyMessageID, tag(m.ID)),
		attribute.Int(keyBodySize, len(m.Data)), attribute.Int(keyAttempt, max(m.DeliveryAttempt, 1)))
	if m.DeliveryAttempt > 0 && t.cfg.System == systemPubSub {
		all = append(all, attribute.Int(keyDelivery, m.DeliveryAttempt))
	}
	if key := t.cfg.Redact.OrderingKey(sub, m.OrderingKey); key != "" && key != redact.Withheld && t.cfg.System == systemPubSub {
		all = append(all, attribute.String(keyOrderingKey, key))
	}
	if r, ok := handlers.ReplayFrom(ctx); ok {
		all = append(all, attribute.Bool(keyReplay, true), attribute.String(keyEntry, tag(r.Ref)))
	}
	return all
}

// messaging is what every span of an attempt says.
func messaging(sub, id string) []attribute.KeyValue {
	return append(subscriptionAttributes(sub), attribute.String(keyMessageID, tag(id)))
}

func subscriptionAttributes(sub string) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String(keyOperationName, operation), attribute.String(keyOperationType, operation),
		attribute.String(keySubscription, tag(sub)),
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
