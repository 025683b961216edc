package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getsentry/sentry-go"
	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer"
	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/redact"
	"github.com/theriac/theriac/internal/fakesentry"
	"github.com/theriac/theriac/internal/runner"
)

func fake(t *testing.T) *fakesentry.Server {
	t.Helper()
	s, err := fakesentry.Start(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if r := s.Refusals(); len(r) != 0 {
			t.Errorf("not every request was an envelope: %v", r)
		}
	})
	return s
}

func reporter(t *testing.T, s *fakesentry.Server, cfg telemetry.SentryConfig) *telemetry.Sentry {
	t.Helper()
	cfg.Options.Dsn = s.DSN()
	events, err := telemetry.NewSentry(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(events.Close)
	return events
}

// relay hands requests over as a guardian does: nobody knows what the host answers.
type relay struct {
	err  error
	took atomic.Int64
}

func (r *relay) RoundTrip(req *http.Request) (*http.Response, error) {
	if r.err != nil {
		return nil, r.err
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	r.took.Add(1)
	return &http.Response{StatusCode: http.StatusAccepted, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
}

// asking is a quarantine that looks into Sentry when it is told of an attempt.
type asking struct {
	*consumertest.Recorder
	sentry *fakesentry.Server
	seen   chan []fakesentry.Event
}

func (q asking) RecordAttempt(ctx context.Context, sub string, m handlers.Message, a handlers.Attempt) (handlers.Totals, error) {
	q.seen <- q.sentry.Events()
	return q.Recorder.RecordAttempt(ctx, sub, m, a)
}

// hangs is the id of a message that has little time.
const hangs = "hang"

// poison runs a consumer with a message that fails once, and returns what Sentry
// had when the store was first told.
func poison(t *testing.T, s *fakesentry.Server, events consumer.Observer, m handlers.Message, fail func() error) []fakesentry.Event {
	t.Helper()
	q := asking{Recorder: consumertest.NewRecorder(), sentry: s, seen: make(chan []fakesentry.Event, 10)}
	var tries atomic.Int64
	sub := consumer.Subscription{Name: "orders", HandlerName: "billing", Handler: handlers.HandlerFunc(func(context.Context, handlers.Message) error {
		if tries.Add(1) == 1 {
			return fail()
		}
		return nil
	})}
	sub.Policy.Timeout, sub.Policy.Grace, sub.Policy.Backoff.Initial = time.Minute, 10*time.Millisecond, time.Millisecond
	if m.ID == hangs {
		sub.Policy.Timeout = 50 * time.Millisecond
	}
	src := consumertest.NewSource(consumertest.Script{})
	src.Publish(m)
	run(t, src, sub, consumer.Config{Observer: events, Quarantine: q, Build: "v7"})
	select {
	case seen := <-q.seen:
		return seen
	default: // the store has no part in it
		return nil
	}
}

// run consumes until every message is settled.
func run(t *testing.T, src *consumertest.Source, sub consumer.Subscription, cfg consumer.Config) {
	t.Helper()
	c, err := consumer.New(src, sub, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running runner.Group
	running.Go(func() {
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	<-src.Quiet()
	cancel()
	running.Wait()
}

type bookingError struct{ cause error }

func (e *bookingError) Error() string { return "cannot book for ada@example.com: " + e.cause.Error() }
func (e *bookingError) Unwrap() error { return e.cause }

func explode() error {
	panic(&bookingError{errors.New("ledger 12345678 is closed")})
}

func TestSentry_TheEventIsOutBeforeTheStoreIsTold(t *testing.T) {
	t.Parallel()
	for _, relayed := range []bool{true, false} {
		t.Run(fmt.Sprintf("relay %t", relayed), func(t *testing.T) {
			t.Parallel()
			s := fake(t)
			s.SetLatency(20 * time.Millisecond)
			r := &relay{}
			cfg := telemetry.SentryConfig{Build: "v7", AllTexts: true}
			if relayed {
				cfg.Relay = r
			}
			seen := poison(t, s, reporter(t, s, cfg), handlers.Message{ID: "m-1", Data: []byte("PAYLOAD")}, explode)
			if len(seen) != 1 || len(s.Events()) != 1 {
				t.Fatalf("Sentry had %d events when the store was told, and %d in the end; want 1", len(seen), len(s.Events()))
			}
			if n := r.took.Load(); relayed != (n == 1) {
				t.Errorf("the relay took %d requests", n)
			}
			checkPanic(t, seen[0])
		})
	}
}

func checkPanic(t *testing.T, e fakesentry.Event) {
	t.Helper()
	if e.Level != "error" || e.Platform != "go" || e.Release != "v7" || e.ServerName != "" || e.Timestamp.IsZero() {
		t.Errorf("level %q, platform %q, release %q, server %q, at %v", e.Level, e.Platform, e.Release, e.ServerName, e.Timestamp)
	}
	want := map[string]string{"subscription": "orders", "message_id": "m-1", "handler": "billing", "attempt": "1", "build": "v7", "outcome": "panicked"}
	if diff := cmp.Diff(want, e.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if len(e.Exceptions) != 2 || e.Exceptions[0].Type != "*errors.errorString" || e.Exceptions[0].Value != "ledger [number] is closed" {
		t.Errorf("exceptions %+v", e.Exceptions)
	}
	main := e.Main()
	if main.Type != "*telemetry_test.bookingError" || main.Value != "cannot book for [email]: ledger [number] is closed" ||
		main.Mechanism.Type != "theriac" || main.Mechanism.Handled == nil || !*main.Mechanism.Handled {
		t.Errorf("the exception is %+v", main)
	}
	frames := main.Stacktrace.Frames
	if len(frames) < 2 || frames[len(frames)-1].Function != "explode" || frames[len(frames)-1].Filename != "sentry_test.go" || frames[len(frames)-1].Lineno == 0 {
		t.Errorf("the innermost frame is not last: %+v", frames)
	}
	parts := []string{"theriac", "orders", "panicked", "*telemetry_test.bookingError", "*errors.errorString", "github.com/theriac/theriac/consumer/telemetry_test.explode"}
	if len(e.Fingerprint) != len(parts)+2 || !slices.Equal(e.Fingerprint[:len(parts)], parts) {
		t.Errorf("fingerprint %q", e.Fingerprint)
	}
	for _, word := range []string{"device", "os", "runtime", "modules", "user", "request", "breadcrumbs"} {
		if bytes.Contains(e.Raw, []byte(`"`+word+`":`)) && word != "user" {
			t.Errorf("the event has %s: %s", word, e.Raw)
		}
	}
}

func TestSentry_WhichOutcomes(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	for name, tt := range map[string]struct {
		fail   func() error
		errors bool
		want   string
	}{
		"panic":                {explode, false, "*telemetry_test.bookingError"},
		"exit":                 {func() error { runtime.Goexit(); return nil }, false, "runtime.Goexit"},
		hangs:                  {func() error { <-release; return nil }, false, "context.DeadlineExceeded"},
		"error":                {func() error { return errors.New("no") }, false, ""},
		"error, when asked to": {func() error { return errors.New("no") }, true, "*errors.errorString"},
		"not now":              {func() error { return handlers.Again(time.Millisecond) }, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fake(t)
			poison(t, s, telemetry.Observers(reporter(t, s, telemetry.SentryConfig{Errors: tt.errors})), handlers.Message{ID: name}, tt.fail)
			events := s.Events()
			if tt.want == "" && len(events) == 0 {
				return
			}
			if len(events) != 1 || events[0].Main().Type != tt.want {
				t.Errorf("%d events, want one of %q: %+v", len(events), tt.want, events)
			}
		})
	}
}

// TestSentry_Canaries puts secrets wherever a message and a death can hold them. By
// default no word of a text leaves that is not known, whatever it looks like; with
// AllTexts what looks like a secret does not.
func TestSentry_Canaries(t *testing.T) {
	t.Parallel()
	for _, all := range []bool{false, true} {
		t.Run(fmt.Sprintf("all texts %t", all), func(t *testing.T) {
			t.Parallel()
			checkCanaries(t, all)
		})
	}
}

func checkCanaries(t *testing.T, allTexts bool) {
	t.Helper()
	s := fake(t)
	hub := sentry.NewHub(nil, sentry.NewScope())
	client, err := sentry.NewClient(sentry.ClientOptions{Dsn: s.DSN(), Tags: map[string]string{"mine": "kept"}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	hub.BindClient(client)
	hub.Scope().SetUser(sentry.User{Email: "CANARY-user"})
	hub.Scope().AddBreadcrumb(&sentry.Breadcrumb{Message: "CANARY-crumb"}, 10)
	events, err := telemetry.NewSentry(telemetry.SentryConfig{Hub: hub, AllTexts: allTexts, Stderr: allTexts})
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	var all strings.Builder
	for _, canary := range canaries {
		all.WriteString(canary + " ; \n")
	}
	if !allTexts {
		all.WriteString("CANARY-word")
	}
	m := handlers.Message{ID: "m", Data: []byte("CANARY-data"), OrderingKey: "CANARY-key", Attributes: map[string]string{"CANARY-name": "CANARY-value"}}
	poison(t, s, events, m, func() error { panic(fmt.Errorf("because %w", errors.New(all.String()))) })
	if err := events.Crash(t.Context(), handlers.Crash{
		ID: "id", Kind: "panic", Text: all.String(), Reason: "ours", Stderr: all.String(), Host: "CANARY-host",
		Stack: "goroutine 8 [running labels:{\"theriac\": \"1.1\", \"user\": \"CANARY-label\"}]:\n" + all.String(), Notes: []string{"CANARY-note"},
	}); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Events()); n != 2 {
		t.Fatalf("%d events, want 2", n)
	}
	for _, e := range s.Events() {
		sent := string(e.Raw)
		for _, a := range e.Attachments {
			sent += string(a.Payload)
		}
		if strings.Contains(sent, "CANARY") || e.Tags["mine"] != "kept" {
			t.Errorf("sent %s", sent)
		}
		for name, canary := range canaries {
			if strings.Contains(sent, strings.Trim(secret(canary), "\n")) {
				t.Errorf("%s was sent", name)
			}
		}
	}
}

// TestSentry_WhatIsSafeIsSent, and nothing beside it.
func TestSentry_WhatIsSafeIsSent(t *testing.T) {
	t.Parallel()
	safe, err := redact.New(redact.Config{
		Subscriptions: map[string]redact.Safe{"orders": {Fields: []string{"/id", "/lines/*/n"}, Attributes: []string{"tenant"}, OrderingKey: true}},
		Types:         []string{"*errors.errorString"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := fake(t)
	m := handlers.Message{
		ID: "m", Data: []byte(`{"id":12345678901234567890,"name":"CANARY","lines":[{"n":"a"},{"n":"b","CANARY":1}]}`), OrderingKey: "k",
		Attributes: map[string]string{"tenant": "t", "CANARY": "CANARY"},
	}
	poison(t, s, reporter(t, s, telemetry.SentryConfig{Redact: safe}), m, explode)
	e := s.Events()[0]
	want := map[string]any{"payload /id": "12345678901234567890", "payload /lines/0/n": "a", "payload /lines/1/n": "b", "attribute tenant": "t", "ordering_key": "k"}
	if diff := cmp.Diff(want, e.Contexts["message"]); diff != "" {
		t.Errorf("context (-want +got):\n%s", diff)
	}
	// The innermost error is of a type that was called safe; the panic's is not.
	if e.Exceptions[0].Value != "ledger [number] is closed" || e.Main().Value != redact.Withheld || bytes.Contains(e.Raw, []byte("CANARY")) {
		t.Errorf("sent %s", e.Raw)
	}
}

// TestSentry_UsersFunctionsPanic: the event goes, without what they should have made.
func TestSentry_UsersFunctionsPanic(t *testing.T) {
	t.Parallel()
	s := fake(t)
	events := reporter(t, s, telemetry.SentryConfig{
		AllTexts: true, Scrub: func(string) string { panic("scrub") }, Fingerprint: func(telemetry.Failure) []string { panic("print") },
	})
	seen := poison(t, s, events, handlers.Message{}, explode)
	if len(seen) != 1 || strings.Contains(string(seen[0].Raw), "ledger") || len(seen[0].Fingerprint) == 0 {
		t.Errorf("events: %+v", seen)
	}
}

func TestSentry_SlowAndDown(t *testing.T) {
	t.Parallel()
	s := fake(t)
	s.SetLatency(time.Hour)
	events := reporter(t, s, telemetry.SentryConfig{FlushTimeout: 20 * time.Millisecond})
	before := time.Now()
	const n = 20
	var all runner.Group
	for range n {
		all.Go(func() {
			events.AttemptEnded(t.Context(), "orders", handlers.Message{}, handlers.Attempt{Outcome: handlers.OutcomePanicked})
		})
	}
	all.Wait()
	if took := time.Since(before); took > 5*time.Second || took < 20*time.Millisecond {
		t.Errorf("%d failures waited %v for a Sentry that does not answer", n, took)
	}
	if st := events.Stats(); st.Lost != n-16 || st.OnTheWay != 16 || events.Dropped() != st.Lost {
		t.Errorf("%+v, want %d events dropped at once", st, n-16)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := events.Crash(ctx, handlers.Crash{ID: "id"}); err == nil {
		t.Error("a crash that did not get through is taken as reported")
	}
}

func TestNewSentry_Refuses(t *testing.T) {
	t.Parallel()
	for _, cfg := range []telemetry.SentryConfig{
		{},
		{Options: sentry.ClientOptions{Dsn: "nonsense"}},
		{Options: sentry.ClientOptions{Dsn: "http://k@localhost/1"}, FlushTimeout: -1},
		{Hub: sentry.NewHub(nil, sentry.NewScope())},
	} {
		if s, err := telemetry.NewSentry(cfg); err == nil {
			s.Close()
			t.Errorf("%+v was taken", cfg)
		}
	}
}
