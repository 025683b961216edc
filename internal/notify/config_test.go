package notify_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/internal/notify/notifyfake"
)

func TestPagerDutyConfig_Validate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cfg  notify.PagerDutyConfig
		want []string // "" alone: it is good
	}{
		{"Default", notify.PagerDutyConfig{RoutingKey: routingKey}, nil},
		{"Europe", notify.PagerDutyConfig{RoutingKey: routingKey, URL: "https://events.eu.pagerduty.com/v2/enqueue"}, nil},
		{"Empty", notify.PagerDutyConfig{}, []string{"RoutingKey is empty"}},
		{"ShortKey", notify.PagerDutyConfig{RoutingKey: "CANARY"}, []string{"RoutingKey has 6 characters"}},
		{"OddKey", notify.PagerDutyConfig{RoutingKey: "CANARY-" + strings.Repeat("x", 25)}, []string{"want 32 letters and digits"}},
		{"AllAtOnce", notify.PagerDutyConfig{RoutingKey: "CANARY", URL: "http://CANARY:CANARY@example.com", ClientURL: "javascript:CANARY", Timeout: -1},
			[]string{"URL has a user in it", "RoutingKey has 6", "ClientURL is no http", "Timeout is -1ns"}},
		{"PlainHTTP", notify.PagerDutyConfig{RoutingKey: routingKey, URL: "http://pagerduty.example.com/CANARY"}, []string{"plain http"}},
		{"File", notify.PagerDutyConfig{RoutingKey: routingKey, URL: "file:///CANARY"}, []string{"no URL with a host"}},
		{"FTP", notify.PagerDutyConfig{RoutingKey: routingKey, URL: "ftp://example.com/CANARY"}, []string{"neither https nor http"}},
		{"NoURL", notify.PagerDutyConfig{RoutingKey: routingKey, URL: "https://CANARY\x7f"}, []string{"no URL with a host"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := notify.NewPagerDuty(tt.cfg)
			wantProblems(t, err, tt.want)
		})
	}
}

func TestWebhookConfig_Validate(t *testing.T) {
	t.Parallel()
	good := "https://example.com/hooks/CANARY?token=CANARY"
	tests := []struct {
		name string
		cfg  notify.WebhookConfig
		want []string
	}{
		{"Good", notify.WebhookConfig{URL: good, Secrets: []string{secretA}}, nil},
		{"TwoSecrets", notify.WebhookConfig{URL: good, Secrets: []string{secretA, secretB}}, nil},
		{"Loopback", notify.WebhookConfig{URL: "http://[::1]:80/", Secrets: []string{secretA}}, nil},
		{"Localhost", notify.WebhookConfig{URL: "http://localhost/", Secrets: []string{secretA}}, nil},
		{"Plaintext", notify.WebhookConfig{URL: "http://10.0.0.1/CANARY", Secrets: []string{secretA}, Plaintext: true}, nil},
		{"PlainHTTP", notify.WebhookConfig{URL: "http://localhost.example.com/CANARY", Secrets: []string{secretA}}, []string{"plain http"}},
		{"Empty", notify.WebhookConfig{}, []string{"URL is empty", "has 0 secrets"}},
		{"ThreeSecrets", notify.WebhookConfig{URL: good, Secrets: []string{secretA, secretB, "CANARY"}}, []string{"has 3 secrets", "Secrets[2] does not begin"}},
		{"SameSecret", notify.WebhookConfig{URL: good, Secrets: []string{secretA, secretA}}, []string{"the same secret twice"}},
		{"AllAtOnce", notify.WebhookConfig{URL: "https://example.com/#CANARY", Secrets: []string{"whsec_CANARY"}, Timeout: time.Microsecond},
			[]string{"fragment", "Secrets[0] is not base64", "Timeout is 1µs"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := notify.NewWebhook(tt.cfg)
			wantProblems(t, err, tt.want)
		})
	}
}

func wantProblems(t *testing.T, err error, want []string) {
	t.Helper()
	if len(want) == 0 {
		if err != nil {
			t.Errorf("got %v", err)
		}
		return
	}
	if err == nil {
		t.Fatal("no error")
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != len(want) {
		t.Errorf("%d problems, want %d:\n%v", n, len(want), err)
	}
	for _, text := range want {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("want %q in:\n%v", text, err)
		}
	}
	wantNoSecret(t, err.Error(), routingKey, secretA, secretB)
}

// TestPrinting_ShowsNoSecret prints everything that holds a secret in every way.
func TestPrinting_ShowsNoSecret(t *testing.T) {
	t.Parallel()
	pdConfig := notify.PagerDutyConfig{RoutingKey: routingKey}
	hookConfig := notify.WebhookConfig{URL: "https://example.com:8443/" + notifyfake.Token + "?token=CANARY", Secrets: []string{secretA, secretB}}
	pd, err := notify.NewPagerDuty(pdConfig)
	if err != nil {
		t.Fatal(err)
	}
	hook, err := notify.NewWebhook(hookConfig)
	if err != nil {
		t.Fatal(err)
	}
	values := []any{pdConfig, &pdConfig, hookConfig, &hookConfig, pd, hook, notify.Sender(hook),
		struct{ Config any }{hookConfig}, []any{pdConfig}, map[string]any{"x": hook}}
	for _, v := range values {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%T", "%t"} {
			_, _ = fmt.Fprintf(&out, verb+"\n", v)
		}
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).Info("configured", "value", v, slog.Group("g", "value", v))
		}
		if encoded, err := json.Marshal(v); err == nil {
			out.Write(encoded)
		}
		// The secrets as fmt would write them in hexadecimal, too.
		for _, secret := range []string{routingKey, secretA, secretB, notifyfake.Token, "CANARY"} {
			for _, form := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprintf("%x", secret[:6])} {
				if strings.Contains(out.String(), form) {
					t.Errorf("%T shows %q:\n%s", v, secret, out.String())
				}
			}
		}
	}
	if got := fmt.Sprint(pd, " ", hook); got != "pagerduty at events.pagerduty.com webhook at example.com:8443" {
		t.Errorf("printed as %q", got)
	}
}
