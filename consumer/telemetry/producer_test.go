package telemetry_test

import (
	"context"
	"strings"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/handlers"
)

const (
	plainParent  = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	googleParent = "00-11111111111111111111111111111111-2222222222222222-01"
)

// attempted returns the span of an attempt of a message with these attributes.
func attempted(ctx context.Context, t testing.TB, cfg telemetry.TracerConfig, attributes map[string]string, options ...sdk.TracerProviderOption) []sdk.ReadOnlySpan {
	t.Helper()
	rec := tracetest.NewSpanRecorder()
	cfg.Provider = sdk.NewTracerProvider(append(options, sdk.WithSpanProcessor(rec))...)
	tracer := telemetry.NewTracer(cfg)
	tracer.AttemptEnded(tracer.AttemptStarted(ctx, "orders", handlers.Message{ID: "m", Attributes: attributes}), "orders", handlers.Message{}, handlers.Attempt{})
	return rec.Ended()
}

func TestTracer_WhoseSpanItIsLinkedTo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		attributes map[string]string
		trace      string
	}{
		"nobody's":       {nil, ""},
		"W3C attributes": {map[string]string{"traceparent": plainParent, "tracestate": "a=b"}, "0af7651916cd43dd8448eb211c80319c"},
		"Google's client's": {map[string]string{"googclient_traceparent": googleParent, "traceparent": plainParent},
			"11111111111111111111111111111111"},
		"Google's are broken": {map[string]string{"googclient_traceparent": "00-x", "traceparent": plainParent}, "0af7651916cd43dd8448eb211c80319c"},
		"zero ids":            {map[string]string{"traceparent": "00-00000000000000000000000000000000-b7ad6b7169203331-01"}, ""},
		"upper case":          {map[string]string{"traceparent": strings.ToUpper(plainParent)}, ""},
		"hostile":             {map[string]string{"traceparent": plainParent + "\n", "googclient_traceparent": strings.Repeat("0", 1<<20)}, ""},
		"hostile state":       {map[string]string{"traceparent": plainParent, "tracestate": strings.Repeat("a=b,", 1<<18)}, "0af7651916cd43dd8448eb211c80319c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The program's own span is no producer.
			own := trace.ContextWithRemoteSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: [16]byte{9}, SpanID: [8]byte{9}}))
			span := attempted(own, t, telemetry.TracerConfig{}, tt.attributes)[0]
			if span.Parent().IsValid() || len(span.Links()) > 1 || (len(span.Links()) == 1) != (tt.trace != "") {
				t.Fatalf("parent %v, links %v", span.Parent(), span.Links())
			}
			if tt.trace != "" && span.Links()[0].SpanContext.TraceID().String() != tt.trace {
				t.Errorf("linked to %v, want %s", span.Links()[0].SpanContext.TraceID(), tt.trace)
			}
			child := attempted(own, t, telemetry.TracerConfig{Parent: true}, tt.attributes)[0]
			if got := child.Parent(); got.IsValid() != (tt.trace != "") || got.IsValid() && got.TraceID().String() != tt.trace || len(child.Links()) > 0 {
				t.Errorf("parent %v, want %s; links %v", got, tt.trace, child.Links())
			}
		})
	}
}

// TestTracer_ParentBasedSampling: the producer's decision is kept where its span is the
// parent.
func TestTracer_ParentBasedSampling(t *testing.T) {
	t.Parallel()
	never := sdk.WithSampler(sdk.ParentBased(sdk.NeverSample()))
	for flags, want := range map[string]int{"-01": 1, "-00": 0} {
		attributes := map[string]string{"traceparent": strings.TrimSuffix(plainParent, "-01") + flags}
		if got := attempted(t.Context(), t, telemetry.TracerConfig{Parent: true}, attributes, never); len(got) != want {
			t.Errorf("flags %s: %d spans, want %d", flags, len(got), want)
		}
		if got := attempted(t.Context(), t, telemetry.TracerConfig{}, attributes, never); len(got) != 0 {
			t.Errorf("flags %s: a root was sampled", flags)
		}
	}
}

func TestTracer_PubSub(t *testing.T) {
	t.Parallel()
	rec := tracetest.NewSpanRecorder()
	tracer := telemetry.NewTracer(telemetry.TracerConfig{
		Provider: sdk.NewTracerProvider(sdk.WithSpanProcessor(rec)), System: "gcp_pubsub", Destinations: map[string]string{"orders": "orders-topic"},
	})
	ctx := handlers.WithReplay(t.Context(), handlers.Replay{Ref: "Q-7F3K"})
	ctx = tracer.AttemptStarted(ctx, "orders", handlers.Message{ID: "m", DeliveryAttempt: 3, OrderingKey: "SECRET"})
	tracer.AttemptEnded(ctx, "orders", handlers.Message{}, handlers.Attempt{Replay: true})
	got := attributesOf(rec.Ended()[0])
	for key, want := range map[string]string{
		"messaging.system": "gcp_pubsub", "messaging.destination.name": "orders-topic", "messaging.destination.subscription.name": "orders",
		"messaging.gcp_pubsub.message.delivery_attempt": "3", "theriac.attempt": "3", "messaging.message.body.size": "0",
		"theriac.replay": "true", "theriac.entry": "Q-7F3K", "messaging.gcp_pubsub.message.ordering_key": "",
	} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
}

func TestInject(t *testing.T) {
	t.Parallel()
	set := map[string]string{}
	inject := telemetry.Inject(nil)
	inject(t.Context(), func(name, value string) { set[name] = value })
	if len(set) != 0 {
		t.Errorf("without a span it set %v", set)
	}
	ctx, span := sdk.NewTracerProvider().Tracer("t").Start(t.Context(), "publish")
	inject(ctx, func(name, value string) { set[name] = value })
	linked := attempted(t.Context(), t, telemetry.TracerConfig{}, set)[0].Links()
	if len(linked) != 1 || linked[0].SpanContext.SpanID() != span.SpanContext().SpanID() {
		t.Errorf("it set %v, and the consumer is linked to %v", set, linked)
	}
}

// FuzzProducer: attributes are hostile. Nothing panics, and what is linked is valid.
func FuzzProducer(f *testing.F) {
	f.Add(plainParent, "a=b", googleParent)
	f.Add("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff", "a=b,a=b,=", "")
	f.Add("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", "\x00", "00--")
	f.Fuzz(func(t *testing.T, parent, state, google string) {
		attributes := map[string]string{"traceparent": parent, "tracestate": state, "googclient_traceparent": google, "googclient_tracestate": state}
		for _, asParent := range []bool{false, true} {
			for _, span := range attempted(t.Context(), t, telemetry.TracerConfig{Parent: asParent}, attributes) {
				for _, link := range span.Links() {
					if !link.SpanContext.IsValid() {
						t.Errorf("linked to %v", link.SpanContext)
					}
				}
				if !span.SpanContext().IsValid() || asParent && len(span.Links()) > 0 {
					t.Errorf("span %v", span.SpanContext())
				}
			}
		}
	})
}

// BenchmarkTracer is what an attempt costs that is not sampled, and one in a hundred that is.
func BenchmarkTracer(b *testing.B) {
	for name, sampler := range map[string]sdk.Sampler{"never": sdk.NeverSample(), "1 %": sdk.TraceIDRatioBased(0.01)} {
		b.Run(name, func(b *testing.B) {
			tracer := telemetry.NewTracer(telemetry.TracerConfig{
				Provider: sdk.NewTracerProvider(sdk.WithSampler(sampler), sdk.WithSyncer(tracetest.NewNoopExporter())), System: "nats",
			})
			m := handlers.Message{ID: "1795880692907930736.1215", Attributes: map[string]string{"traceparent": plainParent, "kind": "order"}, Data: make([]byte, 1024)}
			b.ReportAllocs()
			for b.Loop() {
				ctx := tracer.AttemptStarted(b.Context(), "orders", m)
				_, _ = tracer.SpanName(ctx)
				tracer.AttemptSettled(ctx, consumer.Settled{Subscription: "orders", Message: m, Attempt: handlers.Attempt{}})
			}
		})
	}
}
