package signals_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/theriac/theriac/cmd/internal/signals"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/consumer/guardian/relay"
	"github.com/theriac/theriac/handlers"
)

// collector takes what is exported.
type collector struct {
	mu       sync.Mutex
	spans    []string
	metrics  map[string]bool
	resource map[string]string
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	switch r.URL.Path {
	case "/v1/traces":
		var request coltrace.ExportTraceServiceRequest
		if proto.Unmarshal(body, &request) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, from := range request.ResourceSpans {
			for _, a := range from.Resource.Attributes {
				c.resource[a.Key] = a.Value.GetStringValue()
			}
			for _, scope := range from.ScopeSpans {
				for _, span := range scope.Spans {
					c.spans = append(c.spans, span.Name)
				}
			}
		}
	case "/v1/metrics":
		var request colmetrics.ExportMetricsServiceRequest
		if proto.Unmarshal(body, &request) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, from := range request.ResourceMetrics {
			for _, scope := range from.ScopeMetrics {
				for _, one := range scope.Metrics {
					c.metrics[one.Name] = true
				}
			}
		}
	}
}

func collect(t testing.TB) (*collector, string) {
	t.Helper()
	c := &collector{metrics: make(map[string]bool), resource: make(map[string]string)}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return c, server.URL
}

// with sets the environment, which the SDK reads by itself.
func with(t testing.TB, pairs ...string) []string {
	t.Helper()
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		t.Setenv(key, value)
	}
	return os.Environ()
}

// observe has a few messages done under the signals, and ends them.
func observe(t testing.TB, cfg signals.Config, n int) {
	t.Helper()
	cfg.Service, cfg.Role = "shop", "worker"
	s, err := signals.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var handled sync.WaitGroup
	handled.Add(n)
	sub := consumer.Subscription{Name: "orders", Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error {
		handled.Done()
		return nil
	})}
	source := consumertest.NewSource(consumertest.Script{})
	c, err := consumer.New(source, sub, consumer.Config{Observer: s.Observer()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		source.Publish(handlers.Message{ID: fmt.Sprint("m-", i)})
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var group sync.WaitGroup
	group.Go(func() { ended <- c.Run(ctx) })
	handled.Wait()
	stop()
	group.Wait()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestStart_ObeysTheEnvironment.
func TestStart_ObeysTheEnvironment(t *testing.T) {
	for name, tt := range map[string]struct {
		environ        []string
		spans, metrics bool
	}{
		"nothing set":      {nil, false, false},
		"a collector":      {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=URL"}, true, true},
		"for traces only":  {[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=URL/v1/traces"}, true, false},
		"for metrics only": {[]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=URL/v1/metrics"}, false, true},
		"no traces":        {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=URL", "OTEL_TRACES_EXPORTER=none"}, false, true},
		"no metrics":       {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=URL", "OTEL_METRICS_EXPORTER=none"}, true, false},
		"disabled":         {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=URL", "OTEL_SDK_DISABLED=true"}, false, false},
		"not ours":         {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=URL", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, false, false},
		"never sampled":    {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=URL", "OTEL_TRACES_SAMPLER=always_off"}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			c, url := collect(t)
			var environ []string
			for _, pair := range append(tt.environ, "OTEL_SERVICE_NAME=orders-eu") {
				environ = append(environ, strings.Replace(pair, "URL", url, 1))
			}
			observe(t, signals.Config{Environ: with(t, environ...)}, 3)
			if got := len(c.spans) == 3; got != tt.spans || !tt.spans && len(c.spans) > 0 {
				t.Errorf("spans %q", c.spans)
			}
			if tt.spans && (c.spans[0] != "process orders" || c.resource["service.name"] != "orders-eu" || c.resource["theriac.role"] != "worker") {
				t.Errorf("spans %q of %v", c.spans, c.resource)
			}
			if c.metrics["messaging.process.duration"] != tt.metrics {
				t.Errorf("metrics %v", c.metrics)
			}
		})
	}
}

// TestListen_ObeysTheEnvironment.
func TestListen_ObeysTheEnvironment(t *testing.T) {
	t.Parallel()
	for want, environ := range map[string][]string{
		"localhost:9464": nil,
		"[::1]:80":       {"OTEL_EXPORTER_PROMETHEUS_HOST=::1", "OTEL_EXPORTER_PROMETHEUS_PORT=80"},
	} {
		if got, err := signals.Listen(environ); err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
}

// dead is the URL of a collector that is down.
func dead(t testing.TB) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return "http://" + l.Addr().String()
}

// TestCollectorDown_MemoryIsBounded: 110,000 attempts, each with a span, and nobody takes them.
func TestCollectorDown_MemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds: run without -short")
	}
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, nil))
	environ := with(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+dead(t), "OTEL_METRIC_EXPORT_INTERVAL=100")
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	s, err := signals.Start(t.Context(), signals.Config{Environ: environ, Service: "shop", Role: "worker", Dir: t.TempDir(), Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	observer := s.Observer()
	run := func(n int) {
		for i := range n {
			m := handlers.Message{ID: fmt.Sprint("m-", i), Data: make([]byte, 1024)}
			ctx := observer.AttemptStarted(context.WithoutCancel(t.Context()), "orders", m)
			at := time.Now()
			observer.AttemptSettled(ctx, consumer.Settled{Subscription: "orders", Message: m, Attempt: handlers.Attempt{Started: at, Ended: at}})
		}
	}
	run(10_000)
	before := heap()
	run(100_000)
	after := heap()
	t.Logf("the heap: %d bytes after 10,000 attempts, %d after 110,000", before, after)
	// The queue may have been empty then and full now. All spans together would be 100 MB.
	if grown := int64(after) - int64(before); grown > 16<<20 {
		t.Errorf("the heap grew by %d bytes, from %d to %d", grown, before, after)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if lines := strings.Count(said.String(), "\n"); lines > 10 {
		t.Errorf("%d lines in the log:\n%.2000s", lines, said.String())
	}
}

// BenchmarkCollector is what a message costs with a span for one in a hundred, its collector up and
// down, and with a guardian that takes each span when it ends. In no case there is a metrics role.
func BenchmarkCollector(b *testing.B) {
	for _, state := range []string{"up", "down", "guarded"} {
		b.Run(state, func(b *testing.B) {
			url := ""
			if state == "up" {
				_, url = collect(b)
			} else {
				url = dead(b)
			}
			var way http.RoundTripper
			if state == "guarded" {
				way = relayed(b)
			}
			environ := with(b, "OTEL_EXPORTER_OTLP_ENDPOINT="+url, "OTEL_METRIC_EXPORT_INTERVAL=1000",
				"OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.01")
			s, err := signals.Start(b.Context(), signals.Config{Environ: environ, Service: "shop", Role: "worker", Dir: b.TempDir(), Transport: way})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close(b.Context()) }()
			h := handlers.HandlerFunc(func(context.Context, handlers.Message) error { return nil })
			c, err := consumer.New(manySource{b.N, b.ResetTimer, b.StopTimer}, consumer.Subscription{Name: "orders", Handler: h}, consumer.Config{Observer: s.Observer()})
			if err != nil {
				b.Fatal(err)
			}
			if err := c.Run(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
		})
	}
}

// relayed is a guardian's transport, over a pipe that somebody reads.
func relayed(b *testing.B) http.RoundTripper {
	b.Helper()
	from, to, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	way, err := relay.NewTransport(to, relay.TransportConfig{})
	if err != nil {
		b.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(io.Discard, from) })
	b.Cleanup(func() {
		_ = way.Close()
		reading.Wait()
		_ = from.Close()
	})
	return way
}

// manySource delivers n messages.
type manySource struct {
	n          int
	begin, end func()
}

func (s manySource) Receive(_ context.Context, _ consumer.Limits, deliver func(*consumer.Delivery)) error {
	m := handlers.Message{ID: "1284933119027", Data: make([]byte, 1024)}
	s.begin()
	for range s.n {
		deliver(&consumer.Delivery{Message: m, Settler: nullSettler{}})
	}
	s.end()
	return nil
}

func (manySource) Abilities() consumer.Abilities { return consumer.Abilities{Engine: "null"} }

type nullSettler struct{}

func (nullSettler) Ack(context.Context) error                 { return nil }
func (nullSettler) Nack(context.Context, time.Duration) error { return nil }
