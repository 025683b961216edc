package signals_test

import (
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/theriac/theriac/cmd/internal/signals"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/handlers"
)

// guardian takes requests as a guardian's transport does.
type guardian struct {
	mu      sync.Mutex
	spans   []*tracepb.Span
	service []string
	header  http.Header
}

func (g *guardian) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var request coltrace.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &request); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.header = r.Header
	for _, from := range request.ResourceSpans {
		for _, a := range from.Resource.Attributes {
			if a.Key == "service.name" {
				g.service = append(g.service, a.Value.GetStringValue())
			}
		}
		for _, scope := range from.ScopeSpans {
			g.spans = append(g.spans, scope.Spans...)
		}
	}
	return &http.Response{StatusCode: http.StatusAccepted, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

func (g *guardian) took() []*tracepb.Span {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.spans)
}

func guarded(t *testing.T) (*signals.Signals, *guardian) {
	t.Helper()
	g := &guardian{}
	s, err := signals.Start(t.Context(), signals.Config{
		Environ: with(t, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://collector.example/v1/traces", "OTEL_SERVICE_NAME=orders-eu",
			"OTEL_EXPORTER_OTLP_HEADERS=api-key=k1"),
		Service: "shop", Role: "worker", Transport: g,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Metrics.Close() //nolint:errcheck // nobody asks for them here
	t.Cleanup(func() {
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return s, g
}

// TestGuarded_SpanIsOutWhenTheAttemptIsSettled: the process may be killed in the same millisecond.
func TestGuarded_SpanIsOutWhenTheAttemptIsSettled(t *testing.T) {
	s, g := guarded(t)
	o := s.Observer()
	m := handlers.Message{ID: "m-1"}
	ctx := o.AttemptStarted(t.Context(), "orders", m)
	at := time.Now()
	o.AttemptSettled(ctx, consumer.Settled{Subscription: "orders", Message: m, Attempt: handlers.Attempt{Started: at, Ended: at}})
	if got := g.took(); len(got) != 1 || got[0].Name != "process orders" {
		t.Errorf("the guardian has %v", got)
	}
}

// TestGuarded_ManySpans_FewRequests: the guardian posts one request at a time.
func TestGuarded_ManySpans_FewRequests(t *testing.T) {
	s, g := guarded(t)
	o := s.Observer()
	const spans = 2_000
	for range spans {
		at := time.Now()
		ctx := o.AttemptStarted(t.Context(), "orders", handlers.Message{ID: "m-1"})
		o.AttemptSettled(ctx, consumer.Settled{Subscription: "orders", Attempt: handlers.Attempt{Started: at, Ended: at}})
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(g.took()); got != spans || len(g.service) > 200 {
		t.Errorf("%d spans in %d requests, want %d in a few", got, len(g.service), spans)
	}
}

// TestGuarded_SpansThatADeathLeftOpen_AreEnded, those of a process that was ended, too.
func TestGuarded_SpansThatADeathLeftOpen_AreEnded(t *testing.T) {
	s, g := guarded(t)
	crash := func(id, span string) handlers.Crash {
		return handlers.Crash{ID: id, Died: time.Now(), InFlight: []handlers.InFlight{
			{Subscription: "orders", ID: "m-" + id, TraceID: "0102030405060708090a0b0c0d0e0f10", SpanID: span, Part: handlers.PartCulprit},
			{Subscription: "orders", ID: "not sampled"},
		}}
	}
	if err := s.OnCrash(t.Context(), crash("1", "0102030405060708")); err != nil {
		t.Fatal(err)
	}
	if err := s.OnEnded(t.Context(), crash("2", "0102030405060709")); err != nil {
		t.Fatal(err)
	}
	got := g.took()
	if len(got) != 2 || got[0].Status.GetMessage() != "process died" || got[0].SpanId[7] != 8 || got[1].SpanId[7] != 9 {
		t.Fatalf("the guardian has %v", got)
	}
	if !slices.Equal(g.service, []string{"orders-eu", "orders-eu"}) || g.header.Get("Api-Key") != "k1" {
		t.Errorf("they are of %q, sent with %v", g.service, g.header)
	}
}
