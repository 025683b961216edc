//go:build unix

package telemetry_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/propagation"
	metricsdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	tracesdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/handlers"
)

// nullSource delivers n messages, one after another.
type nullSource struct {
	n     int
	begin func()
}

func (s nullSource) Receive(_ context.Context, _ consumer.Limits, deliver func(*consumer.Delivery)) error {
	m := handlers.Message{ID: "1284933119027", Data: make([]byte, 1024), Attributes: map[string]string{"kind": "order"}}
	s.begin()
	for range s.n {
		deliver(&consumer.Delivery{Message: m, Settler: nullSettler{}})
	}
	return nil
}

func (nullSource) Abilities() consumer.Abilities { return consumer.Abilities{Engine: "null"} }

type nullSettler struct{}

func (nullSettler) Ack(context.Context) error                 { return nil }
func (nullSettler) Nack(context.Context, time.Duration) error { return nil }

// nullExporter collects for nobody.
type nullExporter struct{ metricsdk.Exporter }

func (nullExporter) Temporality(k metricsdk.InstrumentKind) metricdata.Temporality {
	return metricsdk.DefaultTemporalitySelector(k)
}

func (nullExporter) Aggregation(k metricsdk.InstrumentKind) metricsdk.Aggregation {
	return metricsdk.DefaultAggregationSelector(k)
}

func (nullExporter) Export(context.Context, *metricdata.ResourceMetrics) error { return nil }
func (nullExporter) ForceFlush(context.Context) error                          { return nil }
func (nullExporter) Shutdown(context.Context) error                            { return nil }

// cpu is what this process took so far, its collector of garbage included. Other
// programs on the machine do not change it, as they change the time that passes.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkObserved is what a message that succeeds costs in the whole pipeline: bare, with metrics,
// and with metrics and a span for one message in a hundred, and for all. What is over bare is what
// being seen costs.
func BenchmarkObserved(b *testing.B) {
	run := func(b *testing.B, observer consumer.Observer) {
		h := handlers.HandlerFunc(func(context.Context, handlers.Message) error { return nil })
		var from time.Duration
		begin := func() { from = cpu(b); b.ResetTimer() }
		c, err := consumer.New(nullSource{b.N, begin}, consumer.Subscription{Name: "orders", Handler: h}, consumer.Config{Observer: observer})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		if err := c.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(cpu(b)-from)/float64(b.N), "cpu-ns/op")
	}
	metrics := func(b *testing.B) consumer.Observer {
		// As in a program: somebody collects each second.
		provider := metricsdk.NewMeterProvider(metricsdk.WithReader(metricsdk.NewPeriodicReader(nullExporter{}, metricsdk.WithInterval(time.Second))))
		b.Cleanup(func() { _ = provider.Shutdown(context.WithoutCancel(b.Context())) })
		m, err := telemetry.NewMetrics(telemetry.MetricsConfig{Provider: provider, System: "nats"})
		if err != nil {
			b.Fatal(err)
		}
		return m
	}
	spans := func(b *testing.B, share float64) consumer.Observer {
		provider := tracesdk.NewTracerProvider(tracesdk.WithBatcher(tracetest.NewNoopExporter()), tracesdk.WithSampler(tracesdk.ParentBased(tracesdk.TraceIDRatioBased(share))))
		b.Cleanup(func() { _ = provider.Shutdown(context.WithoutCancel(b.Context())) })
		return telemetry.NewTracer(telemetry.TracerConfig{Provider: provider, System: "nats", Propagator: propagation.TraceContext{}, Flush: provider.ForceFlush})
	}
	b.Run("bare", func(b *testing.B) { run(b, nil) })
	b.Run("metrics", func(b *testing.B) { run(b, metrics(b)) })
	b.Run("metrics-spans-1-percent", func(b *testing.B) { run(b, telemetry.Observers(spans(b, 0.01), metrics(b))) })
	b.Run("metrics-spans-all", func(b *testing.B) { run(b, telemetry.Observers(spans(b, 1), metrics(b))) })
}

// BenchmarkMetrics_AttemptSettled is what metrics alone cost a message that succeeds.
func BenchmarkMetrics_AttemptSettled(b *testing.B) {
	m := measure(b, telemetry.MetricsConfig{System: "nats"})
	s := settled(handlers.OutcomeOK, consumer.VerbAck)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.AttemptSettled(context.WithoutCancel(b.Context()), s)
		}
	})
}
