package telemetry_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/consumer/telemetry"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/fakesentry"
)

var died = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func death(parts ...handlers.Part) handlers.Crash {
	c := handlers.Crash{
		ID: "01890C3F-7d5e-7c3a-9f2b-1a2b3c4d5e6f", Role: "worker", Build: "v6", Exit: "exit code 2", Kind: "panic", Tier: "A",
		Reason: "its own goroutine died of its own fault", Text: "panic: boom", Started: died.Add(-time.Hour), Died: died,
		Stack: "goroutine 8 [running]:\napp/x.f()\n", StartedBy: "parent",
		Frames: []handlers.Frame{{Func: "example.com/app/x.(*T).f", File: "x.go", Line: 7}, {Func: "net/http.g", File: "h.go", Line: 8}},
	}
	for i, p := range parts {
		c.InFlight = append(c.InFlight, handlers.InFlight{
			Part: p, Subscription: "orders", Handler: "billing.Confirm", ID: fmt.Sprintf("m-%d", i), Attempt: 2 + i, Why: "labelled", Started: died.Add(-time.Second),
			TraceID: fmt.Sprintf("%032x", i+1), SpanID: fmt.Sprintf("%016x", i+1),
		})
	}
	return c
}

func TestCrash_IsOneEvent(t *testing.T) {
	t.Parallel()
	s := fake(t)
	events := reporter(t, s, telemetry.SentryConfig{Relay: &relay{}})
	for range 2 {
		if err := events.Crash(t.Context(), death(handlers.PartCulprit, handlers.PartBystander)); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.Events()) != 1 || s.Duplicates() != 1 {
		t.Fatalf("%d events, %d duplicates", len(s.Events()), s.Duplicates())
	}
	e := s.Events()[0]
	if e.ID != "01890c3f7d5e7c3a9f2b1a2b3c4d5e6f" || e.Level != "fatal" || e.Release != "v6" || !e.Timestamp.Equal(died) {
		t.Errorf("event %s of level %s, release %s, at %v", e.ID, e.Level, e.Release, e.Timestamp)
	}
	want := map[string]string{
		"build": "v6", "role": "worker", "tier": "A", "exit": "exit code 2", "alone": "false",
		"message_id": "m-0", "subscription": "orders", "handler": "billing.Confirm", "attempt": "2",
	}
	if diff := cmp.Diff(want, e.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	handled := false
	exception := fakesentry.Exception{
		Type: "panic", Value: "panic: [withheld]", Mechanism: fakesentry.Mechanism{Type: "guardian", Handled: &handled},
		Stacktrace: fakesentry.Stacktrace{Frames: []fakesentry.Frame{
			{Function: "g", Module: "net/http", Filename: "h.go", Lineno: 8},
			{Function: "(*T).f", Module: "example.com/app/x", Filename: "x.go", Lineno: 7, InApp: true},
		}},
	}
	if diff := cmp.Diff([]fakesentry.Exception{exception}, e.Exceptions); diff != "" {
		t.Errorf("exceptions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"theriac", "orders", "panic", "example.com/app/x.(*T).f", "net/http.g"}, e.Fingerprint); diff != "" {
		t.Errorf("fingerprint (-want +got):\n%s", diff)
	}
	if len(e.Attachments) != 1 || e.Attachments[0].Filename != "stack.txt" || string(e.Attachments[0].Payload) != "goroutine 8 [running]:\napp/x.f(...)\n" {
		t.Errorf("attachments %q", e.Attachments)
	}
	if e.Contexts["death"]["started_by"] != "parent" || e.Contexts["suspects"]["count"] != 1.0 || !strings.HasPrefix(e.Contexts["suspects"]["1"].(string), "m-0 of orders") {
		t.Errorf("contexts %v", e.Contexts)
	}
}

// TestCrash_AllTexts: who asks for it is sent what the process said, and its trace.
func TestCrash_AllTexts(t *testing.T) {
	t.Parallel()
	s := fake(t)
	if err := reporter(t, s, telemetry.SentryConfig{AllTexts: true}).Crash(t.Context(), death()); err != nil {
		t.Fatal(err)
	}
	if e := s.Events()[0]; e.Main().Value != "panic: boom" || string(e.Attachments[0].Payload) != death().Stack {
		t.Errorf("%q with %q", e.Main().Value, e.Attachments)
	}
}

func TestCrash_NamesEverySuspect(t *testing.T) {
	t.Parallel()
	s := fake(t)
	events := reporter(t, s, telemetry.SentryConfig{})
	parts := make([]handlers.Part, 30)
	for i := range parts {
		parts[i] = handlers.PartSuspect
	}
	c := death(append(parts, handlers.PartBystander)...)
	c.InFlight[3].Subscription, c.InFlight[4].ID, c.Kind, c.Text = "refunds", strings.Repeat("\x00π", 300), "", ""
	if err := events.Crash(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	e := s.Events()[0]
	if e.Tags["suspect.1"] != "m-0" || e.Tags["suspect.20"] != "m-19" || e.Tags["suspect.21"] != "" || e.Tags["message_id"] != "" || e.Tags["subscription"] != "" {
		t.Errorf("tags %v", e.Tags)
	}
	if long := []rune(e.Tags["suspect.5"]); len(long) != 200 || strings.ContainsRune(string(long), 0) {
		t.Errorf("a hostile id became %q", string(long))
	}
	if e.Contexts["suspects"]["count"] != 30.0 || e.Main().Type != "death" || e.Main().Value != "exit code 2: its own goroutine died of its own fault" {
		t.Errorf("%v, %+v", e.Contexts["suspects"], e.Main())
	}
	if err := events.Crash(t.Context(), handlers.Crash{ID: "of nobody"}); err != nil || len(s.Events()) != 2 {
		t.Errorf("a death of nobody's: %v, %d events", err, len(s.Events()))
	}
}

func TestCrash_TellsWhatWasRefused(t *testing.T) {
	t.Parallel()
	gone := errors.New("the guardian is gone")
	s := fake(t)
	if err := reporter(t, s, telemetry.SentryConfig{Relay: &relay{err: gone}}).Crash(t.Context(), death()); !errors.Is(err, gone) {
		t.Errorf("Crash = %v, want the relay's error", err)
	}
	for status, again := range map[int]bool{
		http.StatusTooManyRequests: true, http.StatusServiceUnavailable: true, http.StatusUnauthorized: true,
		http.StatusBadRequest: false, http.StatusRequestEntityTooLarge: false,
	} {
		s := fake(t)
		s.SetFault(func(n int) fakesentry.Fault { return fakesentry.Fault{Status: status * (2 - min(n, 2))} })
		events := reporter(t, s, telemetry.SentryConfig{})
		if err := events.Crash(t.Context(), death()); (err != nil) != again || events.Dropped() != 1 {
			t.Errorf("after %d: %v, want an error: %t", status, err, again)
		}
		// Sentry asked for a pause after 429, so that the client does not even try.
		if err := events.Crash(t.Context(), death()); (err != nil) != (status == http.StatusTooManyRequests) {
			t.Errorf("the second time, after %d: %v", status, err)
		}
	}
	s = fake(t)
	s.SetFault(func(int) fakesentry.Fault { return fakesentry.Fault{Cut: true} })
	if err := reporter(t, s, telemetry.SentryConfig{}).Crash(t.Context(), death()); err == nil {
		t.Error("a connection that broke is taken for a report")
	}
}

// TestCrash_EveryAnswerIsTaken, also when the sender is slower than the answer.
func TestCrash_EveryAnswerIsTaken(t *testing.T) {
	t.Parallel()
	s := fake(t)
	events := reporter(t, s, telemetry.SentryConfig{})
	for i := range 300 {
		if err := events.Crash(t.Context(), handlers.Crash{ID: fmt.Sprint(i)}); err != nil {
			t.Fatalf("report %d: %v", i, err)
		}
	}
	if n := len(s.Events()); n != 300 {
		t.Errorf("%d events, want 300", n)
	}
}
