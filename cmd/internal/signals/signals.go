package signals

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	metricsdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	tracesdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/theriac/theriac/cmd/internal/metrics"
	"github.com/theriac/theriac/cmd/internal/spans"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/handlers"
)

// Config says whose signals they are.
type Config struct {
	// Environ is the environment, as KEY=VALUE pairs.
	Environ []string
	// Service is the service's name where OTEL_SERVICE_NAME gives none. Required.
	Service string
	// Role is the process' role. Required. Incarnation is its run; default: a new one, for a process
	// without a guardian. Build is the program's version.
	Role, Incarnation, Build string
	// Dir is the directory of the metrics role that shall serve this process' numbers. "": nobody does.
	Dir string
	// Transport is guardian.Role.Transport, by which spans outlive this process. Nil: they are posted
	// from here.
	Transport http.RoundTripper
	// Logger gets what people should know. Nil discards it.
	Logger *slog.Logger

	// Metrics says what is measured; its Provider and Logger are set here.
	Metrics telemetry.MetricsConfig
}

// Signals are a process' own. Close them.
type Signals struct {
	// Metrics are never nil.
	Metrics *telemetry.Metrics
	// Tracer makes spans, nil where nobody collects them.
	Tracer *telemetry.Tracer

	cfg    Config
	log    *slog.Logger
	socket string
	open   *spans.Exporter               // of what deaths left open, nil where nobody collects spans
	end    []func(context.Context) error // the last first
	flush  func(context.Context) error
}

// batchDelay is how long ended spans wait for others, unless the environment says so. What waits is
// lost when the process dies of something that cannot be caught.
const batchDelay = 300 * time.Millisecond

// queuedSpans bounds how many wait for a collector that is slow or away.
const queuedSpans = 4096

// Start makes them. It connects to nothing and waits for nobody.
func Start(ctx context.Context, cfg Config) (_ *Signals, err error) {
	v, err := parse(cfg.Environ)
	if err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Incarnation == "" {
		cfg.Incarnation = uuid.NewString()
	}
	s := &Signals{cfg: cfg, log: cfg.Logger, flush: func(context.Context) error { return nil }}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(ctx))
		}
	}()
	var meters metric.MeterProvider = metricnoop.NewMeterProvider()
	if !v.disabled() {
		otel.SetErrorHandler(&trouble{log: s.log})
		if meters, err = s.meters(ctx, v); err != nil {
			return nil, err
		}
		if err = s.traces(ctx, v); err != nil {
			return nil, err
		}
	}
	m := cfg.Metrics
	m.Provider, m.Logger = meters, s.log
	if s.Metrics, err = telemetry.NewMetrics(m); err != nil {
		return nil, err
	}
	return s, nil
}

// resource says whose signals they are. What the environment says comes last, and wins.
func (s *Signals) resource(ctx context.Context) (*resource.Resource, error) {
	host, _ := os.Hostname() // unknown stays empty
	own := append(metrics.Identity(s.cfg.Role, s.cfg.Incarnation),
		attribute.String("service.name", s.cfg.Service), attribute.String("service.version", s.cfg.Build),
		attribute.String("host.name", host))
	all, err := resource.New(ctx, resource.WithAttributes(own...), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if errors.Is(err, resource.ErrPartialResource) {
		s.log.Warn("OTEL_RESOURCE_ATTRIBUTES cannot be read in full", "error", err)
		err = nil
	}
	return all, err
}

func (s *Signals) meters(ctx context.Context, v variables) (metric.MeterProvider, error) {
	var options []metricsdk.Option
	if s.cfg.Dir != "" {
		s.socket = metrics.SocketIn(s.cfg.Dir)
		reader, err := metrics.NewReader(ctx, s.socket, s.cfg.Incarnation, s.log)
		if err != nil {
			return nil, err
		}
		// Whoever serves it must know it again, whatever the environment calls it.
		options = append(options, metricsdk.WithReader(reader))
	}
	if wanted, asked := v.metrics(); wanted && s.speaks(asked) {
		to, err := otlpmetrichttp.New(ctx)
		if err != nil {
			return nil, err
		}
		options = append(options, metricsdk.WithReader(metricsdk.NewPeriodicReader(to)))
	}
	if len(options) == 0 {
		return metricnoop.NewMeterProvider(), nil
	}
	whose, err := s.resource(ctx)
	if err != nil {
		return nil, err
	}
	whose, err = resource.Merge(whose, resource.NewSchemaless(metrics.Identity(s.cfg.Role, s.cfg.Incarnation)...))
	if err != nil {
		return nil, err
	}
	provider := metricsdk.NewMeterProvider(append(options, metricsdk.WithResource(whose))...)
	s.end = append(s.end, provider.Shutdown)
	s.flush = provider.ForceFlush
	return provider, nil
}

func (s *Signals) traces(ctx context.Context, v variables) error {
	wanted, asked := v.traces()
	if !wanted || !s.speaks(asked) {
		return nil
	}
	whose, err := s.resource(ctx)
	if err != nil {
		return err
	}
	s.open, err = spans.New(ctx, spans.Config{Transport: s.cfg.Transport, Resource: whose})
	if err != nil {
		return err
	}
	s.end = append(s.end, s.open.Close)
	provider, err := s.provider(ctx, v, whose)
	if err != nil {
		return err
	}
	s.end = append(s.end, provider.Shutdown)
	s.Tracer = telemetry.NewTracer(telemetry.TracerConfig{
		Provider: provider, System: s.cfg.Metrics.System, Propagator: propagation.TraceContext{}, Flush: provider.ForceFlush, Logger: s.log,
	})
	return nil
}

// provider makes spans. With a guardian they are in its hands when they end, as long as there are few, and
// outlive this process however it dies; the rest, and all without one, wait for others.
func (s *Signals) provider(ctx context.Context, v variables, whose *resource.Resource) (*tracesdk.TracerProvider, error) {
	var options []otlptracehttp.Option
	if s.cfg.Transport != nil {
		options = append(options, otlptracehttp.WithHTTPClient(&http.Client{Transport: s.cfg.Transport, Timeout: 10 * time.Second}),
			otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false})) // the guardian tries again
	}
	to, err := otlptrace.New(ctx, otlptracehttp.NewClient(options...))
	if err != nil {
		return nil, err
	}
	batching := []tracesdk.BatchSpanProcessorOption{tracesdk.WithMaxQueueSize(queuedSpans)}
	if v.ScheduleDelay == "" {
		batching = append(batching, tracesdk.WithBatchTimeout(batchDelay))
	}
	way := tracesdk.NewBatchSpanProcessor(to, batching...)
	if s.cfg.Transport != nil {
		way = newPrompt(tracesdk.NewSimpleSpanProcessor(to), way)
	}
	return tracesdk.NewTracerProvider(tracesdk.WithSpanProcessor(way), tracesdk.WithResource(whose)), nil
}

func (s *Signals) speaks(asked string) bool {
	if asked == protocol {
		return true
	}
	s.log.Error("OTEL_EXPORTER_OTLP_PROTOCOL asks for a protocol that is not spoken here; nothing is exported", "protocol", asked, "spoken", protocol)
	return false
}

// Observer is what consumers are given: others, whose evidence matters most, then spans, then metrics.
func (s *Signals) Observer(others ...consumer.Observer) consumer.Observer {
	if s.Tracer != nil {
		others = append(others[:len(others):len(others)], s.Tracer)
	}
	return telemetry.Observers(append(others[:len(others):len(others)], s.Metrics)...)
}

// tellDeathFor is how long a death is told again to a metrics role or a collector that is away, to
// everybody else who is told of it, too. A role that died is back in less, and a guardian takes at once
// what is for a collector.
const tellDeathFor = 10 * time.Second

// OnCrash is a ward.Config.OnCrash: it has the metrics role count a death, and ends the spans that it
// left open. Without a metrics role it is counted here.
func (s *Signals) OnCrash(ctx context.Context, c handlers.Crash) error {
	return errors.Join(s.count(ctx, c), s.OnEnded(ctx, c))
}

// OnEnded is a ward.Config.OnEnded: it ends the spans of a process that was ended while something ran in
// it. Whoever is told twice sends the same spans twice, with the same ids.
func (s *Signals) OnEnded(ctx context.Context, c handlers.Crash) error {
	if s.open == nil {
		return nil
	}
	var more []attribute.KeyValue
	if s.cfg.Metrics.System != "" {
		more = append(more, semconv.MessagingSystemKey.String(s.cfg.Metrics.System))
	}
	err := s.open.Export(ctx, telemetry.OpenSpans(c, more...))
	if err != nil && time.Since(c.Died) > tellDeathFor {
		s.log.Warn("spans that a death left open are missing", "crash", c.ID, "error", err)
		return nil
	}
	return err
}

func (s *Signals) count(ctx context.Context, c handlers.Crash) error {
	if s.socket == "" {
		return s.Metrics.Crash(ctx, c)
	}
	err := metrics.TellDeath(ctx, s.socket, telemetry.DeathOf(c))
	if err != nil && time.Since(c.Died) > tellDeathFor {
		s.log.Warn("a death is missing in the metrics", "crash", c.ID, "error", err)
		return nil
	}
	return err
}

// Run is to run beside the consumers: it asks what is asked for now and then.
func (s *Signals) Run(ctx context.Context) error { return s.Metrics.Run(ctx) }

// closeWithin bounds how long the end of a process waits for those who collect.
const closeWithin = 3 * time.Second

// Close tells what was not told yet, for 3 s at most, and ends them.
func (s *Signals) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
	defer cancel()
	for i := len(s.end) - 1; i >= 0; i-- {
		if err := s.end[i](ctx); err != nil {
			s.log.Warn("the last signals of this process may be lost", "error", err)
		}
	}
	s.end = nil
	if s.Metrics == nil {
		return nil
	}
	return s.Metrics.Close()
}
