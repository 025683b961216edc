package metrics

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/theriac/theriac/consumer/telemetry"
)

const (
	// PushEvery is how often a process tells its numbers, and so the most that is lost when it dies.
	PushEvery = time.Second
	// pushWithin bounds one push. The server is on this machine.
	pushWithin = 2 * time.Second
)

// Identity says whose numbers are pushed, as attributes for the resource of the SDK. An incarnation is
// one process, and no other has the same.
func Identity(role, incarnation string) []attribute.KeyValue {
	return []attribute.KeyValue{attribute.String(attributeRole, role), attribute.String(attributeInstance, incarnation)}
}

// NewReader returns a reader for the SDK's meter provider that pushes to the server at a socket. A
// server that is not there costs a failed connection a second, and is told of once in the log: the next
// push says the same and more. The resource of the provider must hold an [Identity] with this
// incarnation. Its Shutdown pushes once more and tells the server that this process ends.
func NewReader(ctx context.Context, socket, incarnation string, log *slog.Logger) (sdk.Reader, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	transport := through(socket)
	// What the environment says about exporting is about collectors elsewhere, so all of it is said here.
	to, err := otlpmetrichttp.New(ctx,
		otlpmetrichttp.WithEndpointURL("http://metrics/v1/metrics"),
		otlpmetrichttp.WithHTTPClient(&http.Client{Transport: transport, Timeout: pushWithin}),
		otlpmetrichttp.WithTimeout(pushWithin),
		otlpmetrichttp.WithHeaders(map[string]string{}),
		otlpmetrichttp.WithCompression(otlpmetrichttp.NoCompression),
		otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{Enabled: false}),
		otlpmetrichttp.WithTemporalitySelector(sdk.DefaultTemporalitySelector),
		otlpmetrichttp.WithAggregationSelector(sdk.DefaultAggregationSelector),
	)
	if err != nil {
		return nil, err
	}
	return sdk.NewPeriodicReader(&pusher{Exporter: to, transport: transport, incarnation: incarnation, log: log},
		sdk.WithInterval(PushEvery), sdk.WithTimeout(pushWithin)), nil
}

// pusher is the exporter, which tells of trouble once instead of each second.
type pusher struct {
	sdk.Exporter
	transport   *http.Transport
	incarnation string
	log         *slog.Logger
	failing     atomic.Bool
}

// Export implements sdk.Exporter.
func (p *pusher) Export(ctx context.Context, numbers *metricdata.ResourceMetrics) error {
	err := p.Exporter.Export(ctx, numbers)
	if was := p.failing.Swap(err != nil); err != nil && !was {
		p.log.Warn("metrics: cannot tell the numbers of this process; they are told again each second", "error", err)
	} else if err == nil && was {
		p.log.Info("metrics: the numbers of this process are told again")
	}
	return nil // the SDK would print it
}

// Shutdown implements sdk.Exporter.
func (p *pusher) Shutdown(ctx context.Context) error {
	err := p.Exporter.Shutdown(ctx)
	// Without it the server believes for a few seconds that there is more to come.
	_ = post(ctx, p.transport, endPath, p.incarnation)
	p.transport.CloseIdleConnections()
	return err
}

// through is the way to a server's socket.
func through(socket string) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			path, err := dialled(socket)
			if err != nil {
				return nil, err
			}
			var dialer net.Dialer
			return dialer.DialContext(ctx, "unix", path)
		},
		DisableCompression: true, MaxIdleConns: 1, IdleConnTimeout: 10 * PushEvery,
	}
}

// TellDeath tells the server at a socket of a death. It is counted once for its ID, so that it may be
// told again after an error.
func TellDeath(ctx context.Context, socket string, d telemetry.Death) error {
	transport := through(socket)
	defer transport.CloseIdleConnections()
	if err := post(ctx, transport, deathsPath, d); err != nil {
		return fmt.Errorf("tell the metrics role of a death: %w", err)
	}
	return nil
}

// post says something else than numbers.
func post(ctx context.Context, by *http.Transport, path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, pushWithin)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://metrics"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	answer, err := by.RoundTrip(r)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		return fmt.Errorf("it answers %s", answer.Status)
	}
	return nil
}
