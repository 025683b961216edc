// Package fakeotlp is an OpenTelemetry collector for tests and drills: it takes spans over HTTP as the
// real one does, keeps them in memory, and can be slow or refuse.
//
//	c, err := fakeotlp.Start(ctx)
//	defer c.Close()
//	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(c.URL()))
//	…
//	spans := c.Spans()
//
// A request must be a POST of a protobuf ExportTraceServiceRequest, plain or gzip. Everything else is
// answered 4xx and kept as a refusal. Bodies are bounded, so it may be fed anything. A span that comes
// again replaces the one with its ids and is counted by [Collector.Duplicates].
package fakeotlp
