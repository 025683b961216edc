package notifyfake

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/theriac/theriac/internal/notify"
)

// Token is a secret in the path of a receiver's URL, as many real ones have.
const Token = "hook-token-5f0c2a" //nolint:gosec // it opens nothing: its use is to be searched for

// WebhookConfig says what a receiver believes.
type WebhookConfig struct {
	// Secrets verify requests. Required.
	Secrets []string
	// Now is the receiver's clock. Default time.Now.
	Now func() time.Time
}

// Delivery is a webhook that was taken.
type Delivery struct {
	// ID is its webhook-id, Type and Timestamp stand in its body.
	ID, Type  string
	Timestamp time.Time
	// Data is what it is about.
	Data Data
	// Body is what was signed.
	Body []byte
}

// Data is what a webhook says of a problem.
type Data struct {
	Key       string            `json:"key"`
	Episode   int64             `json:"episode"`
	Severity  string            `json:"severity"`
	Title     string            `json:"title"`
	Source    string            `json:"source"`
	Component string            `json:"component"`
	Class     string            `json:"class"`
	Details   map[string]string `json:"details"`
	Links     []Link            `json:"links"`
}

// Webhook is a running receiver. All methods are safe for concurrent use.
type Webhook struct {
	Server
	now func() time.Time

	// Under the lock of Server.
	secrets    []string
	deliveries []Delivery
	taken      map[string]bool
	repeats    int
	refusals   []string
}

// StartWebhook serves until Close.
func StartWebhook(ctx context.Context, cfg WebhookConfig) (*Webhook, error) {
	w := &Webhook{now: cfg.Now, secrets: cfg.Secrets, taken: make(map[string]bool)}
	if w.now == nil {
		w.now = time.Now
	}
	if err := w.start(ctx, w.takeWebhook); err != nil {
		return nil, err
	}
	return w, nil
}

// URL is where webhooks are sent to; [Token] is in it.
func (w *Webhook) URL() string { return w.address() + "/hooks/" + Token }

// SetSecrets changes what it believes from now on.
func (w *Webhook) SetSecrets(secrets ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = secrets
}

// Deliveries returns what was taken, in order, each id once.
func (w *Webhook) Deliveries() []Delivery {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.deliveries)
}

// Repeats is how many webhooks came whose id was taken before.
func (w *Webhook) Repeats() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.repeats
}

// Refusals says why webhooks were not taken, in order.
func (w *Webhook) Refusals() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.refusals)
}

// takeWebhook answers a request. The lock of Server is held.
func (w *Webhook) takeWebhook(r Request) reply {
	refuse := func(status int, why string) reply {
		w.refusals = append(w.refusals, why)
		w.refusals = w.refusals[max(0, len(w.refusals)-maxJournal):]
		return reply{status: status}
	}
	switch {
	case r.Path != "/hooks/"+Token:
		return refuse(http.StatusNotFound, "another path")
	case r.Method != http.MethodPost:
		return refuse(http.StatusMethodNotAllowed, "not a POST")
	}
	if err := notify.Verify(w.secrets, r.Header, r.Body, w.now()); err != nil {
		return refuse(http.StatusUnauthorized, err.Error())
	}
	id := r.Header.Get(notify.HeaderID)
	if w.taken[id] {
		w.repeats++
		return reply{status: http.StatusNoContent}
	}
	var body struct {
		Type      string    `json:"type"`
		Timestamp time.Time `json:"timestamp"`
		Data      *Data     `json:"data"`
	}
	if err := json.Unmarshal(r.Body, &body); err != nil || body.Type == "" || body.Timestamp.IsZero() || body.Data == nil {
		return refuse(http.StatusBadRequest, "no type, timestamp and data")
	}
	w.taken[id] = true
	w.deliveries = append(w.deliveries, Delivery{ID: id, Type: body.Type, Timestamp: body.Timestamp, Data: *body.Data, Body: r.Body})
	return reply{status: http.StatusNoContent}
}
