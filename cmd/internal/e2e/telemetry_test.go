package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getsentry/sentry-go"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/consumer/guardian"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/consumer/ward"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/fakesentry"
)

const (
	// telemetryVariable makes the test binary a guarded worker that is observed: state
	// directory, DSN and way of dying, with | between them.
	telemetryVariable = "E2E_TELEMETRY_WORKER"
	// capturedDeaths is how many workers are killed right after a capture.
	capturedDeaths = 30
)

// observedWorker is the program under test, with telemetry as a user would have it.
func observedWorker(spec string) error {
	part := strings.Split(spec, "|")
	dir, dsn, way := part[0], part[1], part[2]
	cfg := guardian.Config{
		Roles:    []guardian.RoleConfig{{Name: "worker", Slots: 4}},
		StateDir: filepath.Join(dir, "guardian"), StopTimeout: 10 * time.Second, Relay: true, Build: "v7",
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	return guardian.Run(context.Background(), cfg, func(ctx context.Context, role guardian.Role) error {
		events, err := telemetry.NewSentry(telemetry.SentryConfig{Options: sentry.ClientOptions{Dsn: dsn}, Relay: role.Transport, Build: "v7"})
		if err != nil {
			return err
		}
		defer events.Close()
		wards, err := ward.Open(role, ward.Config{})
		if err != nil {
			return err
		}
		spans := telemetry.NewTracer(telemetry.TracerConfig{Provider: sdk.NewTracerProvider()})
		source := consumertest.NewSource(consumertest.Script{})
		c, err := consumer.New(source, consumer.Subscription{Name: "orders", Handler: observedHandler(dir, way)}, consumer.Config{
			Guard: wards, MaxRunning: 4, Build: "v7", Observer: telemetry.Observers(events, spans, killer{way == "killed after a panic"}),
		})
		if err != nil {
			return err
		}
		if n, err := number(dir); err == nil {
			source.Publish(handlers.Message{ID: fmt.Sprintf("m-%d", n), Data: []byte("poison")})
		}
		role.Ready()
		return c.Run(ctx)
	})
}

// number counts the workers that were given a message, up to as many as there are.
func number(dir string) (int, error) {
	for n := range capturedDeaths {
		if err := os.Mkdir(filepath.Join(dir, fmt.Sprint("worker-", n)), 0o700); err == nil {
			return n, nil
		}
	}
	return 0, os.ErrExist
}

func observedHandler(dir, way string) handlers.HandlerFunc {
	s := newScene(dir, way, 0)
	return func(ctx context.Context, m handlers.Message) error {
		if way == "killed after a panic" {
			panic("poison " + m.ID)
		}
		sc := trace.SpanContextFromContext(ctx)
		name := sc.TraceID().String() + " " + sc.SpanID().String()
		if err := os.WriteFile(filepath.Join(dir, m.ID), []byte(name), 0o600); err != nil {
			return err
		}
		return s.handleOrDie(ctx, m)
	}
}

// killer ends the process as soon as the failure was told to those before it.
type killer struct{ kills bool }

func (killer) AttemptStarted(context.Context, string, handlers.Message) context.Context { return nil }
func (killer) AttemptSettled(context.Context, consumer.Settled)                         {}

func (k killer) AttemptEnded(context.Context, string, handlers.Message, handlers.Attempt) {
	if k.kills {
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
		select {} // until it arrives
	}
}

// startObserved starts the guardian. stop ends it in order, once.
func startObserved(t *testing.T, s *fakesentry.Server, way string) (dir string, stop func()) {
	t.Helper()
	dir = t.TempDir()
	_, stop = startGuarded(t, telemetryVariable, dir, s.DSN(), way)
	return dir, stop
}

func fakeSentry(t *testing.T) *fakesentry.Server {
	t.Helper()
	s, err := fakesentry.Start(context.WithoutCancel(t.Context()))
	check(t, err)
	t.Cleanup(func() { check(t, s.Close()) })
	return s
}

// TestTelemetry_EveryCapturedPanicArrives although the process is killed as soon as
// the capture returned, and Sentry takes its time.
func TestTelemetry_EveryCapturedPanicArrives(t *testing.T) {
	t.Parallel()
	for _, latency := range []time.Duration{0, 50 * time.Millisecond} {
		t.Run(latency.String(), func(t *testing.T) {
			t.Parallel()
			s := fakeSentry(t)
			s.SetLatency(latency)
			_, stop := startObserved(t, s, "killed after a panic")
			late, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			events, err := s.Wait(late, func(e []fakesentry.Event) bool { return len(e) >= capturedDeaths })
			stop()
			if err != nil || len(events) != capturedDeaths || s.Duplicates() != 0 || len(s.Refusals()) != 0 {
				t.Errorf("%d events of %d deaths, %d twice, refused %v: %v", len(events), capturedDeaths, s.Duplicates(), s.Refusals(), err)
			}
			for n := range capturedDeaths {
				id := fmt.Sprintf("m-%d", n)
				if !slices.ContainsFunc(events, func(e fakesentry.Event) bool {
					return e.Tags["message_id"] == id && e.Main().Value == "[withheld]" && e.Tags["outcome"] == "panicked" && e.Tags["build"] == "v7"
				}) {
					t.Errorf("the panic of %s is lost", id)
				}
			}
		})
	}
}

// TestTelemetry_ADeathIsAnEvent, made of the record that the guardian left, and its
// span can be ended.
func TestTelemetry_ADeathIsAnEvent(t *testing.T) {
	t.Parallel()
	s := fakeSentry(t)
	dir, stop := startObserved(t, s, "child panics")
	deaths := filepath.Join(dir, "guardian", "deaths")
	waitFor(t, func() bool {
		found, _ := filepath.Glob(filepath.Join(deaths, "*"))
		return len(found) > 0
	})
	stop()
	crash := ward.Report(onlyRecord(t, deaths))

	events, err := telemetry.NewSentry(telemetry.SentryConfig{Options: sentry.ClientOptions{Dsn: s.DSN()}})
	check(t, err)
	defer events.Close()
	check(t, events.Crash(t.Context(), crash))
	arrived := s.Events()
	if len(arrived) != 1 {
		t.Fatalf("%d events, want 1", len(arrived))
	}
	e, frames := arrived[0], arrived[0].Main().Stacktrace.Frames
	for tag, want := range map[string]string{
		"message_id": "m-0", "subscription": "orders", "attempt": "1", "build": "v7", "role": "worker", "tier": "A", "exit": "exit code 2",
	} {
		if e.Tags[tag] != want {
			t.Errorf("tag %s is %q, want %q", tag, e.Tags[tag], want)
		}
	}
	if !strings.Contains(e.Tags["handler"], "e2e.") {
		t.Errorf("the handler is called %q", e.Tags["handler"])
	}
	if e.Level != "fatal" || e.Main().Type != "panic" || e.Main().Value != "panic: [withheld]" || len(e.Attachments) != 1 {
		t.Errorf("level %s, %+v, %d attachments", e.Level, e.Main(), len(e.Attachments))
	}
	if len(frames) == 0 || !strings.Contains(frames[len(frames)-1].Function, "(*scene).die") {
		t.Errorf("frames %+v", frames)
	}

	name, err := os.ReadFile(filepath.Join(dir, "m-0"))
	check(t, err)
	open := telemetry.OpenSpans(crash)
	if len(open) != 1 || fmt.Sprintf("%x %x", open[0].TraceID, open[0].SpanID) != string(name) {
		t.Errorf("open spans %+v, want that of the handler: %s", open, name)
	}
}

// patience is how long a test waits for what processes must come to on a busy machine.
const patience = 3 * time.Minute

// waitFor looks until it is so.
func waitFor(t *testing.T, so func() bool) {
	t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	late := time.After(patience)
	for !so() {
		select {
		case <-look.C:
		case <-late:
			t.Fatalf("it did not come to pass within %s", patience)
		}
	}
}
