package spans

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/theriac/theriac/consumer/telemetry"
)

// Config says where spans go.
type Config struct {
	// URL is the collector's, for OTLP over HTTP. Default: the exporter's, which asks
	// OTEL_EXPORTER_OTLP_ENDPOINT.
	URL string
	// Headers are sent along. Default: those of OTEL_EXPORTER_OTLP_HEADERS.
	Headers map[string]string
	// Transport is guardian.Role.Transport. Nil posts from here.
	Transport http.RoundTripper
	// Service is the service.name of the process that died, where Resource is nil. Default "".
	Service string
	// Resource says whose spans they are. Default: Service alone.
	Resource *resource.Resource
	// Timeout bounds one export. Default 10 s.
	Timeout time.Duration
}

// Exporter sends spans of dead processes. It is safe for concurrent use.
type Exporter struct {
	to       *otlptrace.Exporter
	resource *resource.Resource
}

// New returns an exporter; it connects to nothing yet.
func New(ctx context.Context, cfg Config) (*Exporter, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	options := []otlptracehttp.Option{
		otlptracehttp.WithTimeout(cfg.Timeout),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false}),
	}
	if cfg.Headers != nil {
		options = append(options, otlptracehttp.WithHeaders(cfg.Headers))
	}
	if cfg.URL != "" {
		options = append(options, otlptracehttp.WithEndpointURL(cfg.URL))
	}
	if cfg.Transport != nil {
		options = append(options, otlptracehttp.WithHTTPClient(&http.Client{Transport: cfg.Transport, Timeout: cfg.Timeout}))
	}
	to, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("OTLP exporter: %w", err)
	}
	if cfg.Resource == nil {
		cfg.Resource = resource.NewSchemaless(attribute.String("service.name", cfg.Service))
	}
	return &Exporter{to: to, resource: cfg.Resource}, nil
}

// batchDelay is how long a span waits for others where there is no guardian to take it at once.
const batchDelay = 250 * time.Millisecond

// NewProvider returns a provider whose spans are sent as cfg says, all that its sampler (of options)
// takes. With a Transport each span is in the guardian's hands when its End returns, and outlives this
// process however it dies; that costs some tenths of a millisecond for each span that is sampled.
// Without, spans are sent in batches, four times a second, and those of the last batch die with the
// process. Shut it down when done.
func NewProvider(ctx context.Context, cfg Config, options ...sdk.TracerProviderOption) (*sdk.TracerProvider, error) {
	e, err := New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	way := sdk.WithSyncer(e.to)
	if cfg.Transport == nil {
		way = sdk.WithBatcher(e.to, sdk.WithBatchTimeout(batchDelay))
	}
	return sdk.NewTracerProvider(append([]sdk.TracerProviderOption{way, sdk.WithResource(e.resource)}, options...)...), nil
}

// Export sends spans in one request and returns once the transport took it.
func (e *Exporter) Export(ctx context.Context, records []telemetry.SpanRecord) error {
	if len(records) == 0 {
		return nil
	}
	if err := e.to.ExportSpans(ctx, e.snapshots(records)); err != nil {
		return fmt.Errorf("export %d spans of a dead process: %w", len(records), err)
	}
	return nil
}

// Close ends the exporter.
func (e *Exporter) Close(ctx context.Context) error { return e.to.Shutdown(ctx) }

func (e *Exporter) snapshots(records []telemetry.SpanRecord) []sdk.ReadOnlySpan {
	all := make([]sdk.ReadOnlySpan, 0, len(records))
	for _, r := range records {
		all = append(all, open{record: r, resource: e.resource})
	}
	return all
}
