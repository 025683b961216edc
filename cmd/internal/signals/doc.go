// Package signals is what every program of ours does once in each process to be seen: metrics for the
// metrics role, and metrics and spans in OTLP for a collector, where the environment names one.
//
//	s, err := signals.Start(ctx, signals.Config{Environ: environ, Role: "worker", Dir: stateDir, ...})
//	consumer.Config{Observer: s.Observer(others...)}, ward.Config{OnCrash: s.OnCrash, OnEnded: s.OnEnded}
//	defer s.Close(ctx)
//
//	err = signals.Serve(ctx, signals.ServeConfig{...})        // in the metrics role
//
// # The environment
//
// The variables are OpenTelemetry's own:
//
//	OTEL_EXPORTER_OTLP_ENDPOINT, …_TRACES_ENDPOINT, …_METRICS_ENDPOINT
//	                        a collector, for OTLP over HTTP. Without one nothing leaves the machine
//	OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER
//	                        none keeps one of the two at home although there is a collector
//	OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG
//	                        which attempts have a span: parentbased_traceidratio and 0.01 for one in 100
//	OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
//	                        how the service is called there
//	OTEL_SDK_DISABLED       true: no metrics and no spans at all, /metrics included
//	OTEL_EXPORTER_PROMETHEUS_HOST, OTEL_EXPORTER_PROMETHEUS_PORT
//	                        where /metrics is: localhost and 9464
//
// All others that the SDK and its exporters know are theirs to read.
//
// # What happens on failure
//
//	the collector is down     spans wait in a bounded queue, and with a guardian's transport in its
//	                          spool; metrics are told anew at the next interval. Nothing else waits
//	the process dies          with a guardian's transport the spans that had ended are with the guardian,
//	                          all up to some ten a second, and the next process ends those that were
//	                          open (OnCrash, OnEnded); of a busier process the successes of its last
//	                          moments are lost
//	the metrics role is down  see package metrics; a death is told again, for 10 s
//	the protocol is not ours  told in the log; nothing is exported
package signals
