// Package spans exports spans that a dead process left open, through the OpenTelemetry SDK, which only
// commands link.
//
//	e, err := spans.New(ctx, spans.Config{URL: "http://collector:4318/v1/traces", Transport: role.Transport})
//	err = e.Export(ctx, telemetry.OpenSpans(crash))
//
// With a guardian's transport the request outlives this process as well, and the exporter itself never
// retries: the guardian does.
package spans
