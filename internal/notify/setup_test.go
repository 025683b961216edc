package notify_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/internal/notify/notifyfake"
)

const routingKey = "R0CANARY0routing0key0of0the0test"

var (
	secretA = "whsec_" + base64.StdEncoding.EncodeToString([]byte("CANARY-secret-A-of-the-webhook"))
	secretB = "whsec_" + base64.StdEncoding.EncodeToString([]byte("CANARY-secret-B-of-the-webhook"))
	at      = time.Date(2026, 11, 22, 3, 2, 11, 250_000_000, time.UTC)
)

func nowAt() time.Time { return at }

// alert is one as a notifier makes it.
func alert(action notify.Action) notify.Alert {
	return notify.Alert{
		Key: "group:5f0c2a", Action: action, Episode: 1, Severity: notify.SeverityCritical,
		Title:  "CONTAINED orders: 1 worker died, 1 message held: Q-7F3K (nil pointer dereference)",
		Source: "orders-eu", Component: "orders", Class: "crashed", At: at,
		Details: map[string]string{"entry": "Q-7F3K", "where": "billing.Apply.func1 handler.go:118", "held": "1"},
		Links:   []notify.Link{{Text: "Open", Href: "https://ops.example.com/theriac/e/Q-7F3K"}},
	}
}

// receiver is either of the two fakes with the sender that speaks to it.
type receiver struct {
	sender notify.Sender
	server *notifyfake.Server
	taken  func() int // how many alerts had an effect
	secret []string   // what must never be seen
}

func newPagerDuty(t *testing.T, change func(*notify.PagerDutyConfig)) (*notify.PagerDuty, *notifyfake.PagerDuty) {
	t.Helper()
	server, err := notifyfake.StartPagerDuty(t.Context(), routingKey)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, server.Close()) })
	cfg := notify.PagerDutyConfig{RoutingKey: routingKey, URL: server.URL(), Now: nowAt}
	if change != nil {
		change(&cfg)
	}
	sender, err := notify.NewPagerDuty(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return sender, server
}

func newWebhook(t *testing.T, change func(*notify.WebhookConfig)) (*notify.Webhook, *notifyfake.Webhook) {
	t.Helper()
	server, err := notifyfake.StartWebhook(t.Context(), notifyfake.WebhookConfig{Secrets: []string{secretA}, Now: nowAt})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, server.Close()) })
	cfg := notify.WebhookConfig{URL: server.URL(), Secrets: []string{secretA}, Now: nowAt}
	if change != nil {
		change(&cfg)
	}
	sender, err := notify.NewWebhook(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return sender, server
}

func closed(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// receivers starts both.
func receivers(t *testing.T) []receiver {
	t.Helper()
	pd, pdServer := newPagerDuty(t, nil)
	hook, hookServer := newWebhook(t, nil)
	return []receiver{
		{pd, &pdServer.Server, func() int { return len(pdServer.Alerts()) }, []string{routingKey}},
		{hook, &hookServer.Server, func() int { return len(hookServer.Deliveries()) }, []string{notifyfake.Token, secretA, secretA[6:]}},
	}
}

// wantPermanent asserts that err is a *PermanentError of a kind, which says what to do. It returns its text.
func wantPermanent(t *testing.T, err error, status int, kind string) string {
	t.Helper()
	permanent, ok := errors.AsType[*notify.PermanentError](err)
	if !ok {
		t.Fatalf("got %T %v, want *PermanentError", err, err)
	}
	if permanent.Status != status || permanent.ProblemKind() != kind || permanent.Fix == "" || permanent.Reason == "" {
		t.Errorf("got %+v, want status %d, kind %q, a reason and a fix", permanent, status, kind)
	}
	if errors.Is(err, notify.ErrUnavailable) {
		t.Error("a permanent error is ErrUnavailable too")
	}
	return err.Error()
}

// wantRetry asserts that err is a *RetryError. It returns its text.
func wantRetry(t *testing.T, err error, status int, after time.Duration) string {
	t.Helper()
	retry, ok := errors.AsType[*notify.RetryError](err)
	if !ok {
		t.Fatalf("got %T %v, want *RetryError", err, err)
	}
	if retry.Status != status || retry.After != after || retry.Reason == "" || retry.ProblemKind() != "unavailable" || !errors.Is(err, notify.ErrUnavailable) {
		t.Errorf("got %+v, want status %d, after %v, a reason, ErrUnavailable", retry, status, after)
	}
	return err.Error()
}

// wantNoSecret asserts that a text has none of the secrets, nor a part of one.
func wantNoSecret(t *testing.T, text string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		if strings.Contains(text, secret) || strings.Contains(text, secret[len(secret)/2:]) {
			t.Errorf("%q shows a secret", text)
		}
	}
	if strings.Contains(text, "CANARY") {
		t.Errorf("%q shows a canary", text)
	}
}

// roundTrip is a transport without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// send sends with the test's context.
func send(t *testing.T, s notify.Sender, a notify.Alert) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return s.Send(ctx, a)
}
