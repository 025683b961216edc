package telemetry_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/handlers"
)

// traced runs one message through a consumer and returns the spans, in the order of
// their ends, and the attempts that the store was told of.
func traced(t *testing.T, cfg telemetry.TracerConfig, m handlers.Message, h handlers.HandlerFunc) ([]sdk.ReadOnlySpan, []handlers.Attempt) {
	t.Helper()
	rec := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(rec))
	cfg.Provider = provider
	q := consumertest.NewRecorder()
	sub := consumer.Subscription{Name: "orders", HandlerName: "billing", Handler: h}
	sub.Policy.Backoff.Initial = time.Millisecond
	src := consumertest.NewSource(consumertest.Script{})
	src.Publish(m)
	run(t, src, sub, consumer.Config{Observer: telemetry.NewTracer(cfg), Quarantine: q})
	if len(rec.Started()) != len(rec.Ended()) {
		t.Errorf("%d spans began and %d ended", len(rec.Started()), len(rec.Ended()))
	}
	return rec.Ended(), q.Attempts(m.ID)
}

func attributesOf(s sdk.ReadOnlySpan) map[string]string {
	m := make(map[string]string)
	for _, a := range s.Attributes() {
		m[string(a.Key)] = a.Value.String()
	}
	return m
}

func TestTracer_ASpanPerAttempt(t *testing.T) {
	t.Parallel()
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	var flushed []error
	var inside []trace.SpanContext
	cfg := telemetry.TracerConfig{
		System: "nats",
		Flush: func(ctx context.Context) error {
			_, bounded := ctx.Deadline()
			if !bounded {
				t.Error("the flush is not bounded")
			}
			flushed = append(flushed, ctx.Err())
			return errors.New("collector is away")
		},
	}
	m := handlers.Message{ID: "m-1", Data: []byte("CANARY"), Attributes: map[string]string{"traceparent": parent, "x": "CANARY"}}
	spans, attempts := traced(t, cfg, m, func(ctx context.Context, _ handlers.Message) error {
		inside = append(inside, trace.SpanContextFromContext(ctx))
		switch len(inside) {
		case 1:
			panic("ada@example.com")
		case 2:
			return handlers.Again(time.Millisecond)
		default:
			return nil
		}
	})
	if len(spans) != 3 || len(inside) != 3 {
		t.Fatalf("%d spans of %d attempts", len(spans), len(inside))
	}
	if len(flushed) != 1 || flushed[0] != nil {
		t.Errorf("flushed %v, want once, in a context that goes on", flushed)
	}
	for i, s := range spans {
		if s.SpanContext().SpanID() != inside[i].SpanID() || s.Name() != "process orders" || s.SpanKind() != trace.SpanKindConsumer || s.Parent().IsValid() {
			t.Errorf("span %s of kind %s, %v in the handler %v", s.Name(), s.SpanKind(), s.SpanContext(), inside[i])
		}
		if len(s.Links()) != 1 || s.Links()[0].SpanContext.TraceID().String() != "0af7651916cd43dd8448eb211c80319c" {
			t.Errorf("links %v", s.Links())
		}
	}
	want := map[string]string{
		"messaging.operation.name": "process", "messaging.operation.type": "process", "messaging.destination.subscription.name": "orders",
		"messaging.message.id": "m-1", "messaging.system": "nats", "theriac.attempt": "1", "theriac.outcome": "panicked",
		"theriac.handler": "billing", "error.type": "string", "messaging.message.body.size": "6",
	}
	if diff := cmp.Diff(want, attributesOf(spans[0])); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if s := spans[0].Status(); s.Code != codes.Error || s.Description != "[withheld]" || len(spans[0].Events()) != 1 {
		t.Errorf("status %+v, events %v", s, spans[0].Events())
	}
	if spans[1].Status().Code != codes.Unset || spans[2].Status().Code != codes.Unset || attributesOf(spans[2])["theriac.outcome"] != "ok" {
		t.Errorf("status %v and %v, %v", spans[1].Status(), spans[2].Status(), attributesOf(spans[2]))
	}
	if len(attempts) == 0 || attempts[0].TraceID != inside[0].TraceID().String() {
		t.Errorf("attempts %+v, want trace %s", attempts, inside[0].TraceID())
	}
}

// TestTracer_NotSampled: a span that nobody sees has no name anywhere.
func TestTracer_NotSampled(t *testing.T) {
	t.Parallel()
	tracer := telemetry.NewTracer(telemetry.TracerConfig{Provider: sdk.NewTracerProvider(sdk.WithSampler(sdk.NeverSample()))})
	ctx := tracer.AttemptStarted(t.Context(), "orders", handlers.Message{})
	if traceID, _ := tracer.SpanName(ctx); traceID != [16]byte{} {
		t.Errorf("trace %x", traceID)
	}
	// Nor has a context that it did not make, whatever span is in it.
	mine, span := sdk.NewTracerProvider().Tracer("mine").Start(t.Context(), "mine")
	tracer.AttemptSettled(mine, consumer.Settled{})
	if traceID, _ := tracer.SpanName(mine); traceID != [16]byte{} || !span.IsRecording() {
		t.Error("somebody else's span was taken for an attempt's")
	}
}

func TestOpenSpans(t *testing.T) {
	t.Parallel()
	c := death(handlers.PartCulprit, handlers.PartBystander, handlers.PartSuspect, handlers.PartSuspect, handlers.PartSettling)
	c.InFlight[1].TraceID = ""
	c.InFlight[2].SpanID = strings.Repeat("0", 16)
	c.InFlight[3].TraceID = "no hex, and much longer than any trace id could ever be"
	c.InFlight[4].Started = died.Add(time.Hour)
	open := telemetry.OpenSpans(c, attribute.String("messaging.system", "nats"))
	if len(open) != 2 {
		t.Fatalf("%d spans, want those of the first and the last: %+v", len(open), open)
	}
	first := open[0]
	attributes := make(map[string]string)
	for _, a := range first.Attributes {
		attributes[string(a.Key)] = a.Value.String()
	}
	want := map[string]string{
		"messaging.operation.name": "process", "messaging.operation.type": "process", "messaging.destination.subscription.name": "orders",
		"messaging.message.id": "m-0", "messaging.system": "nats", "theriac.attempt": "2", "theriac.outcome": "crashed",
		"theriac.part": "culprit", "theriac.crash.id": c.ID, "error.type": "panic",
	}
	if diff := cmp.Diff(want, attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if first.TraceID != [16]byte{15: 1} || first.SpanID != [8]byte{7: 1} || first.Name != "process orders" || first.Status != telemetry.SpanDied ||
		!first.Start.Equal(died.Add(-time.Second)) || !first.End.Equal(died) {
		t.Errorf("span %+v", first)
	}
	if !open[1].Start.Equal(died) {
		t.Errorf("a span that began after its end: %+v", open[1])
	}
}

// TestObservers_APanicInOneHidesNothingFromTheOthers.
func TestObservers_APanicInOneHidesNothingFromTheOthers(t *testing.T) {
	t.Parallel()
	rec := tracetest.NewSpanRecorder()
	tracer := telemetry.NewTracer(telemetry.TracerConfig{Provider: sdk.NewTracerProvider(sdk.WithSpanProcessor(rec))})
	src := consumertest.NewSource(consumertest.Script{})
	src.Publish(handlers.Message{ID: "m"})
	tries := 0
	sub := consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error {
		if tries++; tries == 1 {
			return errors.New("no")
		}
		return nil
	})}
	sub.Policy.Backoff.Initial = time.Millisecond
	run(t, src, sub, consumer.Config{Observer: telemetry.Observers(buggy{}, tracer)})
	if ended := rec.Ended(); len(ended) != 2 || tries != 2 {
		t.Errorf("%d spans ended after %d attempts", len(ended), tries)
	}
}

type buggy struct{}

func (buggy) AttemptStarted(context.Context, string, handlers.Message) context.Context { return nil }
func (buggy) AttemptSettled(context.Context, consumer.Settled)                         { panic("settled") }
func (buggy) AttemptEnded(context.Context, string, handlers.Message, handlers.Attempt) {
	panic("ended")
}
