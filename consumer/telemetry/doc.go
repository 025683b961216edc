// Package telemetry sends evidence of failures and deaths to Sentry and to OpenTelemetry, in a way that
// survives a process that dies right after, and measures what a program does.
//
//	events, err := telemetry.NewSentry(telemetry.SentryConfig{
//		Options: sentry.ClientOptions{Dsn: dsn}, Relay: role.Transport, Build: build})
//	defer events.Close()
//	spans := telemetry.NewTracer(telemetry.TracerConfig{Provider: provider, Flush: provider.ForceFlush})
//	numbers, err := telemetry.NewMetrics(telemetry.MetricsConfig{Consumers: roster.Stats})
//	w, err := ward.Open(role, ward.Config{OnCrash: events.Crash})
//	c, err := consumer.New(source, sub, consumer.Config{Guard: w, Observer: telemetry.Observers(events, spans, numbers)})
//
// # The order of things
//
//	attempt   AttemptStarted: the span begins ─► its ids are in the in-flight table ─► handler
//	success   handler ─► ack ─► AttemptSettled: the span ends
//	failure   handler ─► AttemptEnded: the event is out, the span ended ─► store ─► ack or retry
//	death     handler … guardian: crash record ─► next worker: Crash, OpenSpans ─► record done
//
// A failure is evidence before it has consequences. When [Sentry.AttemptEnded] returns, the event is with
// the guardian (Relay is set) and outlives this process however it dies; or it was posted, or
// FlushTimeout has passed (no Relay). Only then is anything stored or settled.
//
// After a panic that nobody recovered, os.Exit or SIGKILL nothing can be captured any more. The guardian's
// crash record speaks for the process then: a worker is given it as a handlers.Crash, reports it with
// [Sentry.Crash], and ends the spans that were open with [OpenSpans], whose ids were in the table.
//
// # What is measured
//
// [Metrics] counts attempts, decisions and deaths when they happen, and asks for everything else when it is
// collected. Its labels are subscriptions and words from closed lists, never an id, a reference or a
// fingerprint. What a process counted dies with it: who adds up the numbers of several processes, and
// counts deaths once, is the program's business.
//
// # What is sent
//
// An allow-list: subscription, message id, handler, attempt, build, outcome, worker role; the types of
// errors; frames with function, file and line. Of texts of errors and panics, payloads, attributes and
// ordering keys only what package handlers/redact calls safe, which by default are texts that the runtime and
// the standard library make of constants; the rest is "[withheld]". Never users, requests, breadcrumbs,
// environment, modules or the host's name. AllTexts lets all texts out after [Scrub], which takes out
// what looks like addresses, numbers, tokens and keys. A BeforeSend of the user's comes last and may
// take out more.
//
// # Spans
//
// Each attempt is a span "process <subscription>" of kind consumer, with the attributes of the semantic
// conventions for messaging, also in wards and for replays. It is the root of a trace and linked to the
// span that published the message, whose context stands in its attributes: as Google's client writes
// it (googclient_traceparent), or plain W3C (traceparent); [Inject] writes it. TracerConfig.Parent makes
// that span the parent instead.
//
// An ended span outlives its process if it is exported at once and through the guardian:
//
//	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithHTTPClient(&http.Client{Transport: role.Transport}))
//	provider := trace.NewTracerProvider(trace.WithSyncer(exporter), trace.WithSampler(trace.TraceIDRatioBased(0.01)))
//
// The spans of a batch that was not sent die with the process, but for the attempts' own: an attempt's place in the
// table is freed after its span has ended, and who reads the crash record ends those that had not.
//
// # What happens on failure
//
//	the relay refuses         the failure's event is lost, counted and logged; Crash returns the error and
//	                          is called again: the id of the event is made of the crash's, so that two
//	                          reports are one event
//	Sentry is slow or down    with Relay: the guardian's worry, which keeps them for an hour and counts
//	                          what it drops. Without: an attempt waits for FlushTimeout, and once 16
//	                          events are on their way the next are dropped at once. [Sentry.Stats] counts
//	Sentry can never take it  400, 413, 422: dropped, counted and logged; Crash returns nil
//	scrub function panics     the text is not sent, the event is
//	anything else panics      the consumer logs it; the message goes on as if nobody had watched
//
// All types are safe for concurrent use.
package telemetry
