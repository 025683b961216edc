package incidentd

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/incident/incidentclock"
	"github.com/theriac/theriac/internal/notify/notifyfake"
)

// The backup notifier says a subject once in a quarter of an hour, by all its ways, and says again at
// once what none of them took.
func TestAlarmer_OnceASubject_ByAllWays(t *testing.T) {
	t.Parallel()
	hook, err := notifyfake.StartWebhook(t.Context(), notifyfake.WebhookConfig{Secrets: []string{hookKey}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hook.Close() })
	var stderr bytes.Buffer
	cfg := config.Incident{
		AlarmFile: filepath.Join(t.TempDir(), "alarms.log"), BackupWebhookURL: hook.URL(), BackupWebhookSecrets: []string{hookKey},
	}
	a, err := newAlarmer(cfg, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC)
	a.now = func() time.Time { return now }
	alarm := incidentclock.Alarm{Subject: "store", Title: "the incident store cannot be read", Detail: "no route\nto host", At: now}
	said := func(want int, when string) {
		t.Helper()
		text, err := os.ReadFile(cfg.AlarmFile)
		if err != nil && want > 0 {
			t.Fatal(err)
		}
		if got := strings.Count(string(text), "\n"); got != want || strings.Count(stderr.String(), "\n") != want {
			t.Errorf("%s: the file has %d lines, standard error %d, want %d", when, got, strings.Count(stderr.String(), "\n"), want)
		}
	}
	hook.Order(notifyfake.Fault{Status: http.StatusBadGateway})
	if err := a.Raise(t.Context(), alarm); err == nil {
		t.Error("an alarm that reached nobody is said to have reached somebody")
	}
	said(1, "while the webhook is away")
	for range 3 {
		if err := a.Raise(t.Context(), alarm); err != nil {
			t.Fatal(err)
		}
	}
	said(2, "when it is back")
	other := alarm
	other.Subject = "pipeline"
	if err := a.Raise(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	said(3, "another subject")
	now = now.Add(alarmQuiet)
	if err := a.Raise(t.Context(), alarm); err != nil {
		t.Fatal(err)
	}
	said(4, "a quarter of an hour later")
	if got := len(hook.Deliveries()); got != 3 {
		t.Errorf("the webhook took %d alarms, want 3", got)
	}
}
