package incidentd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident/incidentclock"
	"github.com/theriac/theriac/internal/notify"
)

const (
	// alarmWithin bounds each way of the backup notifier.
	alarmWithin = 5 * time.Second
	// alarmQuiet is how long a subject is told only once.
	alarmQuiet = 15 * time.Minute
)

// alarmer is the backup notifier: synchronous, with HTTP clients of its own, to webhook, PagerDuty,
// standard error and a file, all of them each time. It uses neither broker nor worker nor Slack nor
// the store.
type alarmer struct {
	senders []notify.Sender
	stderr  io.Writer
	file    string
	now     func() time.Time
	told    *subjects
}

// alarms returns the backup notifier of this process.
func (p program) alarms() (*alarmer, error) {
	return newAlarmer(p.incident, filepath.Join(p.settings.DataDir, "alarms.told"), os.Stderr)
}

// newAlarmer returns the backup notifier of the settings. The file told is where it keeps what it told.
func newAlarmer(cfg config.Incident, told string, stderr io.Writer) (*alarmer, error) {
	a := &alarmer{stderr: stderr, file: cfg.AlarmFile, now: time.Now, told: newSubjects(told)}
	client := &http.Client{Timeout: alarmWithin}
	if cfg.BackupPagerDutyKey != "" {
		pd, err := notify.NewPagerDuty(notify.PagerDutyConfig{
			RoutingKey: cfg.BackupPagerDutyKey, URL: cfg.Notices.PagerDutyURL, HTTPClient: client, Timeout: alarmWithin,
		})
		if err != nil {
			return nil, fmt.Errorf("backup notifier: %w", err)
		}
		a.senders = append(a.senders, pd)
	}
	if cfg.BackupWebhookURL != "" {
		hook, err := notify.NewWebhook(notify.WebhookConfig{
			URL: cfg.BackupWebhookURL, Secrets: cfg.BackupWebhookSecrets, HTTPClient: client, Timeout: alarmWithin,
		})
		if err != nil {
			return nil, fmt.Errorf("backup notifier: %w", err)
		}
		a.senders = append(a.senders, hook)
	}
	return a, nil
}

// Raise tells people, once per subject and 15 min, restarts included. What no way took is told again with the
// next call.
func (a *alarmer) Raise(ctx context.Context, alarm incidentclock.Alarm) error {
	now := a.now()
	if !a.told.claim(alarm.Subject, now) {
		return nil
	}
	line, err := json.Marshal(map[string]any{
		"time": now.UTC().Format(time.RFC3339Nano), "alarm": alarm.Title, "subject": alarm.Subject,
		"detail": alarm.Detail, "incident": alarm.Ref, "since": alarm.At.UTC(),
	})
	if err != nil {
		return err
	}
	line = append(line, '\n')
	_, err = a.stderr.Write(line)
	errs := []error{a.write(line), err}
	reached := len(a.senders) == 0
	for _, s := range a.senders {
		sending, cancel := context.WithTimeout(ctx, alarmWithin)
		err := s.Send(sending, notify.Alert{
			Key: "theriac:" + alarm.Subject, Action: notify.Trigger, Severity: notify.SeverityCritical, Title: alarm.Title,
			// The time makes the id by which a receiver drops repeats: what is raised again is to be heard again.
			Source: "incidentd", Class: "watchdog", At: now,
			Details: map[string]string{"detail": alarm.Detail, "incident": alarm.Ref, "since": alarm.At.UTC().Format(time.RFC3339)},
		})
		cancel()
		reached = reached || err == nil
		errs = append(errs, err)
	}
	if reached {
		errs = append(errs, a.told.keep(alarm.Subject, now))
	} else {
		a.told.forget(alarm.Subject)
	}
	return errors.Join(errs...)
}

// backup tells what the workflow has for it. Whether a way took it that did not answer is not known; to
// tell it again does no harm, since each way drops what it has by the subject.
func (a *alarmer) backup(ctx context.Context, w workflow.Alarm) error {
	return workflow.InDoubt(a.Raise(ctx, incidentclock.Alarm{Subject: w.Key, Title: w.Title, Detail: w.Detail, Ref: w.Ref, At: w.At}))
}

// write appends a line to the file.
func (a *alarmer) write(line []byte) (err error) {
	f, err := os.OpenFile(a.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write the alarm down: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.Write(line)
	return err
}

// heartbeat tells an address that all is well.
type heartbeat struct {
	url    string
	client *http.Client
}

// newHeartbeat returns nil where no address is named.
func newHeartbeat(url string) incidentclock.Heartbeat {
	if url == "" {
		return nil
	}
	return &heartbeat{url: url, client: &http.Client{Timeout: alarmWithin}}
}

// Beat makes one request.
func (h *heartbeat) Beat(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, nil)
	if err != nil {
		return errors.New("the heartbeat's address cannot be used: correct THERIAC_HEARTBEAT_URL")
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return errors.New("the heartbeat's address does not answer")
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("the heartbeat's address answers %s", resp.Status)
	}
	return nil
}
