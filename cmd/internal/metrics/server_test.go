package metrics_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	tracesdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/theriac/theriac/cmd/internal/metrics"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/handlers"
)

// served is a server that takes pushes.
type served struct {
	*metrics.Server
	dir string
}

func serve(t *testing.T, dir string) *served {
	t.Helper()
	s := &served{metrics.NewServer(metrics.ServerConfig{StateFile: metrics.StateIn(dir)}), dir}
	intake, err := metrics.ListenSocket(t.Context(), metrics.SocketIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	var config net.ListenConfig
	pages, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var group sync.WaitGroup
	group.Go(func() { ended <- s.Serve(ctx, pages, intake) })
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// page returns what Prometheus is told.
func (s *served) page(t *testing.T, accept string) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	s.Pages().ServeHTTP(w, r)
	text, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != http.StatusOK {
		t.Fatalf("status %d, %v: %s", w.Code, err, text)
	}
	return string(text)
}

// worker is the SDK of a process.
type worker struct {
	*telemetry.Metrics
	provider *sdk.MeterProvider
	ended    sync.Once
}

func work(t *testing.T, dir, role, incarnation string) *worker {
	t.Helper()
	reader, err := metrics.NewReader(t.Context(), metrics.SocketIn(dir), incarnation, nil)
	if err != nil {
		t.Fatal(err)
	}
	provider := sdk.NewMeterProvider(sdk.WithReader(reader), sdk.WithResource(resource.NewSchemaless(metrics.Identity(role, incarnation)...)))
	m, err := telemetry.NewMetrics(telemetry.MetricsConfig{Provider: provider, System: "nats", Consumers: func() []consumer.Stats {
		return []consumer.Stats{{Subscription: "orders", Running: 3, Delivered: 10}}
	}})
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{Metrics: m, provider: provider}
	t.Cleanup(func() { w.end(t) })
	return w
}

// end is the end of the process, in order.
func (w *worker) end(t *testing.T) {
	w.ended.Do(func() {
		if err := w.provider.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
}

func (w *worker) done(n int) {
	at := time.Now()
	for range n {
		w.AttemptSettled(context.Background(), consumer.Settled{Subscription: "orders", Attempt: handlers.Attempt{Started: at, Ended: at.Add(time.Millisecond)}})
	}
}

func (w *worker) push(t *testing.T) {
	t.Helper()
	if err := w.provider.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestServer_TellsWhatWorkersPushed: the first thing that must be true.
func TestServer_TellsWhatWorkersPushed(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir())
	w := work(t, s.dir, "worker", "w1")
	w.done(3)
	w.push(t)
	page := s.page(t, "")
	for _, want := range []string{
		`messaging_process_duration_seconds_count{messaging_destination_subscription_name="orders",messaging_operation_name="process",messaging_system="nats"} 3`,
		`messaging_client_consumed_messages_total{messaging_destination_subscription_name="orders",messaging_operation_name="receive",messaging_system="nats"} 10`,
		`theriac_decisions_total{decision="ack",subscription="orders"} 3`,
		`theriac_in_flight{criticality="critical",role="worker",subscription="orders"} 3`,
		`theriac_role_up{role="worker"} 1`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s:\n%s", want, page)
		}
	}
}

// TestServer_WorkersDie_CountersGoOn: each incarnation begins at 0, the sum does not.
func TestServer_WorkersDie_CountersGoOn(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir())
	for _, incarnation := range []string{"w1", "w2", "w3"} {
		w := work(t, s.dir, "worker", incarnation)
		w.done(5)
		w.push(t)
		w.push(t) // the same again is the same
	}
	late := work(t, s.dir, "worker", "w1") // who was replaced is not taken
	late.done(100)
	late.push(t)
	page := s.page(t, "")
	for _, want := range []string{
		`theriac_decisions_total{decision="ack",subscription="orders"} 15`, `theriac_role_up{role="worker"} 1`,
		`theriac_in_flight{criticality="critical",role="worker",subscription="orders"} 3`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s:\n%s", want, page)
		}
	}
}

// TestServer_Dies_GoesOnFromItsStateFile: what was told once is never taken back.
func TestServer_Dies_GoesOnFromItsStateFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := work(t, dir, "worker", "w1")
	w.done(4)
	first := serve(t, dir)
	w.push(t)
	old := work(t, dir, "other", "o1")
	old.done(2)
	old.push(t)
	const told = `theriac_decisions_total{decision="ack",subscription="orders"} 6`
	if page := first.page(t, ""); !strings.Contains(page, told) {
		t.Fatalf("the page lacks %s:\n%s", told, page)
	}
	second := &served{metrics.NewServer(metrics.ServerConfig{StateFile: metrics.StateIn(dir)}), dir}
	page := second.page(t, "")
	if !strings.Contains(page, told) {
		t.Errorf("after a restart the page lacks %s:\n%s", told, page)
	}
	if strings.Contains(page, "theriac_in_flight") || !strings.Contains(page, `theriac_role_up{role="worker"} 0`) {
		t.Errorf("gauges of processes that nobody heard of since are told:\n%s", page)
	}
	w.end(t) // before its server, which would wait for it
}

// TestServer_OpenMetrics_HasExemplars.
func TestServer_OpenMetrics_HasExemplars(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir())
	w := work(t, s.dir, "worker", "w1")
	traces := tracesdk.NewTracerProvider()
	ctx, span := traces.Tracer("").Start(t.Context(), "process orders")
	at := time.Now()
	w.AttemptSettled(ctx, consumer.Settled{Subscription: "orders", Attempt: handlers.Attempt{Started: at, Ended: at.Add(30 * time.Millisecond), Outcome: handlers.OutcomeFailed}})
	w.push(t)
	page := s.page(t, "application/openmetrics-text;version=1.0.0")
	want := `trace_id="` + span.SpanContext().TraceID().String() + `"`
	if !strings.Contains(page, want) || !strings.HasSuffix(page, "# EOF\n") || !strings.Contains(page, `error_type="failed"`) {
		t.Errorf("the page lacks %s:\n%s", want, page)
	}
}

// TestServer_HealthAndReadiness.
func TestServer_HealthAndReadiness(t *testing.T) {
	t.Parallel()
	unready := io.ErrUnexpectedEOF
	s := metrics.NewServer(metrics.ServerConfig{StateFile: filepath.Join(t.TempDir(), "state"), Ready: func() error { return unready }})
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusServiceUnavailable, "/": http.StatusNotFound} {
		w := httptest.NewRecorder()
		s.Pages().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
		if w.Code != want {
			t.Errorf("%s answers %d, want %d", path, w.Code, want)
		}
	}
}

// TestServer_LongDirectory: systems allow sockets short paths only.
func TestServer_LongDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 { // what an earlier process left is in nobody's way
		s := serve(t, dir)
		w := work(t, dir, "worker", "w1")
		w.done(3)
		w.push(t)
		if page := s.page(t, ""); !strings.Contains(page, `theriac_decisions_total{decision="ack",subscription="orders"} 3`) {
			t.Errorf("the page lacks what was pushed:\n%s", page)
		}
	}
}

// TestServer_Stopped_HearsTheLastNumbers: workers may take long to drain.
func TestServer_Stopped_HearsTheLastNumbers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := metrics.NewServer(metrics.ServerConfig{StateFile: metrics.StateIn(dir), Own: "m1"})
	intake, err := metrics.ListenSocket(t.Context(), metrics.SocketIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	var config net.ListenConfig
	pages, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	ended := make(chan error, 1)
	group.Go(func() { ended <- server.Serve(ctx, pages, intake) })
	own, w := work(t, dir, "metrics", "m1"), work(t, dir, "worker", "w1")
	own.push(t)
	w.done(1)
	w.push(t)
	stop()
	w.done(4)
	w.push(t) // it is still heard
	w.done(5)
	w.end(t)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	group.Wait()
	again := &served{metrics.NewServer(metrics.ServerConfig{StateFile: metrics.StateIn(dir)}), dir}
	if page := again.page(t, ""); !strings.Contains(page, `theriac_decisions_total{decision="ack",subscription="orders"} 10`) || strings.Contains(page, `role="worker"`) {
		t.Errorf("after it all the page says\n%s", page)
	}
}
