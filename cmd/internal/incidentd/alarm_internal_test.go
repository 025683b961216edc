package incidentd

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	a, err := newAlarmer(cfg, filepath.Join(t.TempDir(), "alarms.told"), &stderr)
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

// restarting is the backup notifier of a process that dies and starts again and again.
type restarting struct {
	*testing.T
	cfg  config.Incident
	told string
	now  time.Time
	said bytes.Buffer
}

func restarts(t *testing.T) *restarting {
	dir := t.TempDir()
	return &restarting{
		T: t, cfg: config.Incident{AlarmFile: filepath.Join(dir, "alarms.log")}, told: filepath.Join(dir, "alarms.told"),
		now: time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC),
	}
}

// raise starts a process that raises an alarm, and reports whether it was said.
func (r *restarting) raise(subject string) (said bool, err error) {
	r.Helper()
	a, err := newAlarmer(r.cfg, r.told, &r.said)
	if err != nil {
		r.Fatal(err)
	}
	a.now = func() time.Time { return r.now }
	before := r.said.Len()
	err = a.Raise(r.Context(), incidentclock.Alarm{Subject: subject, Title: "it is late", At: r.now})
	return r.said.Len() > before, err
}

func (r *restarting) want(said bool, subject, when string) {
	r.Helper()
	switch got, err := r.raise(subject); {
	case err != nil:
		r.Errorf("%s: %v", when, err)
	case got != said:
		r.Errorf("%s: said %t, want %t", when, got, said)
	}
}

// A quarter of an hour is one over restarts: a process that crashes again and again calls nobody at each start.
func TestAlarmer_OnceASubject_OverRestarts(t *testing.T) {
	t.Parallel()
	r := restarts(t)
	r.want(true, "store", "at first")
	for range 5 {
		r.now = r.now.Add(time.Second)
		r.want(false, "store", "after a restart")
	}
	r.want(true, "pipeline", "another subject")
	r.want(false, "store", "after another subject")
	r.now = r.now.Add(alarmQuiet)
	r.want(true, "store", "a quarter of an hour later")
	r.now = r.now.Add(-24 * time.Hour)
	r.want(true, "store", "after the clock was set back") // it must not be silent for a day
}

// What reached nobody is said at the next start, however soon that is.
func TestAlarmer_WhatReachedNobody_IsNotKept(t *testing.T) {
	t.Parallel()
	hook, err := notifyfake.StartWebhook(t.Context(), notifyfake.WebhookConfig{Secrets: []string{hookKey}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hook.Close() })
	r := restarts(t)
	r.cfg.BackupWebhookURL, r.cfg.BackupWebhookSecrets = hook.URL(), []string{hookKey}
	hook.Order(notifyfake.Fault{Status: http.StatusBadGateway})
	if _, err := r.raise("store"); err == nil {
		t.Error("an alarm that reached nobody is said to have reached somebody")
	}
	r.want(true, "store", "when the webhook is back")
	r.want(false, "store", "after that")
}

// A file that cannot be understood says nothing, keeps no alarm back, and is replaced.
func TestAlarmer_DamagedFile(t *testing.T) {
	t.Parallel()
	now := time.Date(2022, 11, 18, 15, 40, 0, 0, time.UTC)
	future, err := json.Marshal(map[string]time.Time{subjectDigest("store"): now.AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"empty": "", "null": "null", "cut off": `{"a":"2022-11-18T15:3`, "another type": `["store"]`, "no times": `{"a":7}`,
		"bytes": "\x00\xff\xfe", "a time to come": string(future), "huge": strings.Repeat(" ", 64<<20) + "{}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := restarts(t)
			if err := os.WriteFile(r.told, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			r.want(true, "store", "with the file")
			r.want(false, "store", "after it was replaced")
		})
	}
	t.Run("a directory", func(t *testing.T) {
		t.Parallel()
		r := restarts(t)
		if err := os.Mkdir(r.told, 0o700); err != nil {
			t.Fatal(err)
		}
		if said, err := r.raise("store"); !said || err == nil {
			t.Errorf("said %t, %v; want it said, and that it cannot be kept", said, err)
		}
	})
}

// The file stays small, whatever is late: the newest stay in it.
func TestAlarmer_FileIsBounded(t *testing.T) {
	t.Parallel()
	r := restarts(t)
	many := map[string]time.Time{}
	for i := range 3 * maxKept {
		many[subjectDigest(fmt.Sprint(i))] = r.now.Add(-time.Duration(i) * time.Millisecond)
	}
	text, err := json.Marshal(many)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.told, text, 0o600); err != nil {
		t.Fatal(err)
	}
	r.want(true, strings.Repeat("a long subject ", 100_000), "a new one")
	r.want(false, "0", "the newest of before")
	r.want(true, fmt.Sprint(2*maxKept), "one that gave way")
	info, err := os.Stat(r.told)
	if err != nil || info.Size() > 100<<10 || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
	if left, _ := filepath.Glob(r.told + "?*"); len(left) > 0 {
		t.Errorf("files are left over: %v", left)
	}
}
