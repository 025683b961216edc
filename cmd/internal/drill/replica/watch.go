package replica

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/getsentry/sentry-go"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/theriac/theriac/cmd/internal/spans"
	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/handlers"
)

// KilledAfterPanic is what a message does that panics, and whose process is killed in the same
// millisecond, as soon as the evidence is out: a way of dying that is not the message's own. It
// happens at its first delivery only.
const KilledAfterPanic = "killed-after-panic"

// watch is who is told of failures and deaths: the drill's error tracker and its collector of spans,
// through the guardian.
type watch struct {
	line     *Line
	events   *telemetry.Sentry
	open     *spans.Exporter // nil without a collector
	observer consumer.Observer
	tracer   trace.Tracer
	closers  []func()
}

func (p *program) watch(ctx context.Context, role guardian.Role) (_ *watch, err error) {
	w := &watch{line: p.line, tracer: noop.NewTracerProvider().Tracer("")}
	w.events, err = telemetry.NewSentry(telemetry.SentryConfig{
		Options: sentry.ClientOptions{Dsn: p.spec.DSN}, Relay: role.Transport, Build: p.spec.Build, Logger: p.log,
	})
	if err != nil {
		return nil, err
	}
	w.observer, w.closers = w.events, append(w.closers, w.events.Close)
	if p.spec.Traces == "" {
		return w, nil
	}
	cfg := spans.Config{URL: p.spec.Traces, Transport: role.Transport, Service: p.name()}
	w.open, err = spans.New(ctx, cfg)
	if err != nil {
		w.close()
		return nil, err
	}
	w.closers = append(w.closers, func() { shut(ctx, w.open.Close) })
	provider, err := spans.NewProvider(ctx, cfg)
	if err != nil {
		w.close()
		return nil, err
	}
	w.closers = append(w.closers, func() { shut(ctx, provider.Shutdown) })
	w.tracer = provider.Tracer("drill")
	w.observer = telemetry.Observers(w.events, telemetry.NewTracer(telemetry.TracerConfig{Provider: provider, System: "nats", Logger: p.log}), killer{ward: role.Ward})
	return w, nil
}

// shut ends an exporter when the process ends.
func shut(ctx context.Context, end func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = end(ctx) // everything is in the guardian's hands already
}

// crash passes a death on.
func (w *watch) crash(ctx context.Context, c handlers.Crash) error {
	err := errors.Join(w.line.Crash(ctx, c), w.events.Crash(ctx, c))
	if w.open != nil {
		err = errors.Join(err, w.open.Export(ctx, telemetry.OpenSpans(c)))
	}
	return err
}

// ended ends the spans of a process that did not die but was ended.
func (w *watch) ended(ctx context.Context, c handlers.Crash) error {
	if w.open == nil {
		return nil
	}
	return w.open.Export(ctx, telemetry.OpenSpans(c))
}

func (w *watch) close() {
	for _, end := range w.closers {
		end()
	}
}

// killer kills the process as soon as the failure was told to the observers before it.
type killer struct{ ward bool }

func (killer) AttemptStarted(context.Context, string, handlers.Message) context.Context { return nil }
func (killer) AttemptSettled(context.Context, consumer.Settled)                         {}

// AttemptEnded implements consumer.AttemptEnder.
func (k killer) AttemptEnded(_ context.Context, _ string, m handlers.Message, a handlers.Attempt) {
	if k.ward || m.DeliveryAttempt > 1 || a.Outcome != handlers.OutcomePanicked {
		return
	}
	var p Payload
	if json.Unmarshal(m.Data, &p) != nil || p.Way != KilledAfterPanic {
		return
	}
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
	select {} // until it arrives
}

// spanIn names the span that is active in ctx, "" without one.
func spanIn(ctx context.Context) string {
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsSampled() {
		return ""
	}
	return sc.TraceID().String() + " " + sc.SpanID().String()
}

// child makes a span below the attempt's, as a call to a database would, and ends it.
func (s *shop) child(ctx context.Context, p Payload) string {
	if !p.Child {
		return ""
	}
	ctx, span := s.tracer.Start(ctx, "look up")
	defer span.End()
	return spanIn(ctx)
}

// saidError is an error of a program that tells too much.
type saidError struct{ secret string }

func (e *saidError) Error() string { return "cannot book for " + e.secret }

func errSaid(secret string) error { return fmt.Errorf("handle the order: %w", &saidError{secret}) }
