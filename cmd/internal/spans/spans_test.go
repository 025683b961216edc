package spans_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlptrace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/theriac/theriac/cmd/internal/spans"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/handlers"
)

// collector is an OTLP/HTTP collector that keeps what it is sent.
type collector struct {
	mu       sync.Mutex
	spans    map[string]*otlptrace.Span // by span id
	services []string
	status   int
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status != 0 {
		w.WriteHeader(c.status)
		return
	}
	body, err := io.ReadAll(r.Body)
	var request coltrace.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || proto.Unmarshal(body, &request) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, resource := range request.ResourceSpans {
		for _, a := range resource.Resource.Attributes {
			c.services = append(c.services, a.Key+"="+a.Value.GetStringValue())
		}
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans[fmt.Sprintf("%x", s.SpanId)] = s
			}
		}
	}
}

// accepting answers as a relay does, whatever the collector says.
type accepting struct{ taken int }

func (a *accepting) RoundTrip(req *http.Request) (*http.Response, error) {
	a.taken++
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	return &http.Response{StatusCode: http.StatusAccepted, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
}

// TestExport_EveryOpenSpanWithItsIDs.
func TestExport_EveryOpenSpanWithItsIDs(t *testing.T) {
	t.Parallel()
	const inFlight = 64
	c := &collector{spans: make(map[string]*otlptrace.Span)}
	server := httptest.NewServer(c)
	defer server.Close()
	died := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	crash := handlers.Crash{ID: "crash-1", Kind: "panic", Died: died}
	for i := range inFlight {
		crash.InFlight = append(crash.InFlight, handlers.InFlight{
			Part: handlers.PartBystander, Subscription: "orders", ID: fmt.Sprint("m-", i), Attempt: 1, Started: died.Add(-time.Duration(i+1) * time.Second),
			TraceID: fmt.Sprintf("%032x", 1000+i), SpanID: fmt.Sprintf("%016x", 2000+i),
		})
	}
	crash.InFlight = append(crash.InFlight, handlers.InFlight{Subscription: "orders", ID: "without a span"})
	relay := &accepting{}
	for _, transport := range []http.RoundTripper{relay, nil} {
		clear(c.spans)
		e, err := spans.New(t.Context(), spans.Config{URL: server.URL + "/v1/traces", Transport: transport, Service: "worker"})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Export(t.Context(), telemetry.OpenSpans(crash, attribute.String("messaging.system", "nats"))); err != nil {
			t.Fatal(err)
		}
		if len(c.spans) != inFlight {
			t.Errorf("the collector has %d spans, want %d", len(c.spans), inFlight)
		}
		for i := range inFlight {
			checkSpan(t, c.spans[fmt.Sprintf("%016x", 2000+i)], i, died)
		}
		if c.services[0] != "service.name=worker" {
			t.Errorf("resource %q", c.services)
		}
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if relay.taken != 1 {
		t.Errorf("the relay took %d requests, want 1", relay.taken)
	}
}

func checkSpan(t *testing.T, s *otlptrace.Span, i int, died time.Time) {
	t.Helper()
	if s == nil || fmt.Sprintf("%x", s.TraceId) != fmt.Sprintf("%032x", 1000+i) || len(s.ParentSpanId) != 0 || s.Name != "process orders" ||
		s.Kind != otlptrace.Span_SPAN_KIND_CONSUMER || s.Status.Code != otlptrace.Status_STATUS_CODE_ERROR || s.Status.Message != telemetry.SpanDied {
		t.Fatalf("span %d is %v", i, s)
	}
	if s.EndTimeUnixNano != uint64(died.UnixNano()) || s.StartTimeUnixNano != uint64(died.Add(-time.Duration(i+1)*time.Second).UnixNano()) {
		t.Errorf("span %d lasts from %d to %d", i, s.StartTimeUnixNano, s.EndTimeUnixNano)
	}
	var said []string
	for _, a := range s.Attributes {
		said = append(said, a.Key+"="+a.Value.GetStringValue())
	}
	if all := strings.Join(said, " "); !strings.Contains(all, fmt.Sprint("messaging.message.id=m-", i)) || !strings.Contains(all, "messaging.system=nats") {
		t.Errorf("span %d says %s", i, all)
	}
}

func TestExport_TellsWhatWasRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(&collector{status: http.StatusServiceUnavailable})
	defer server.Close()
	e, err := spans.New(t.Context(), spans.Config{URL: server.URL + "/v1/traces"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close(t.Context()) }()
	if err := e.Export(t.Context(), make([]telemetry.SpanRecord, 1)); err == nil {
		t.Error("an export that was refused is taken as done")
	}
	if err := e.Export(t.Context(), nil); err != nil {
		t.Errorf("nothing to export: %v", err)
	}
}
