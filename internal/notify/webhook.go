package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// WebhookConfig says how a webhook is called. It prints without its secrets and with no more of its URL
// than the host.
type WebhookConfig struct {
	// URL is where alerts go. Required. It may carry a token and is treated as a secret but for its host.
	URL string `json:"-"`
	// Secrets sign: whsec_ and the base64 of 24 to 64 random bytes. One, or two while the receiver is moved
	// from one to the other; all sign each request. Required.
	Secrets []string `json:"-"`
	// Plaintext allows plain http to other machines. Whoever is between can then read alerts, not change
	// them.
	Plaintext bool
	// PublicOnly refuses addresses that are not of the public internet, loopback included. For a URL that was
	// not chosen by the operator.
	PublicOnly bool
	// Timeout bounds one call. Default 10 s.
	Timeout time.Duration
	// HTTPClient, if not nil, is used instead of one's own, except that it follows no redirects. With a
	// transport of its own it dials as it likes.
	HTTPClient *http.Client `json:"-"`
	// Now tells the time, for tests. Default time.Now.
	Now func() time.Time `json:"-"`
}

// WithDefaults returns a copy in which zero fields have their defaults.
func (c WebhookConfig) WithDefaults() WebhookConfig {
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Validate joins all that is wrong with a configuration that has its defaults. It shows no secret and no
// URL.
func (c WebhookConfig) Validate() error {
	problems := []error{checkURL("WebhookConfig.URL", c.URL, c.Plaintext)}
	if n := len(c.Secrets); n < 1 || n > 2 {
		problems = append(problems, fmt.Errorf("WebhookConfig.Secrets has %d secrets: want one, or two while the receiver changes", n))
	}
	for i, secret := range c.Secrets {
		if _, err := parseSecret(secret); err != nil {
			problems = append(problems, fmt.Errorf("WebhookConfig.Secrets[%d] %w", i, err))
		}
	}
	if len(c.Secrets) == 2 && c.Secrets[0] == c.Secrets[1] {
		problems = append(problems, errors.New("WebhookConfig.Secrets has the same secret twice"))
	}
	if c.Timeout < time.Millisecond {
		problems = append(problems, fmt.Errorf("WebhookConfig.Timeout is %v: want at least 1ms", c.Timeout))
	}
	return errors.Join(problems...)
}

// String names the host and nothing secret.
func (c WebhookConfig) String() string { return place("webhook", hostOf(c.URL)) }

// Format prints String whatever the verb: the others would show secrets.
func (c WebhookConfig) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, c.String()) }

// LogValue is String.
func (c WebhookConfig) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Webhook is a [Sender] in the format of Standard Webhooks. Make one with [NewWebhook]. It prints without
// its secrets.
type Webhook struct {
	cfg  WebhookConfig
	keys [][]byte
	post poster
}

var _ Sender = (*Webhook)(nil)

// NewWebhook returns a sender, or all that is wrong with cfg. It calls nobody.
func NewWebhook(cfg WebhookConfig) (*Webhook, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	w := &Webhook{cfg: cfg, post: poster{
		name: "webhook", url: cfg.URL, host: hostOf(cfg.URL),
		client: newClient(cfg.HTTPClient, cfg.PublicOnly), timeout: cfg.Timeout, now: cfg.Now,
	}}
	for _, secret := range cfg.Secrets {
		key, err := parseSecret(secret)
		if err != nil {
			return nil, fmt.Errorf("WebhookConfig.Secrets %w", err)
		}
		w.keys = append(w.keys, key)
	}
	return w, nil
}

// Name returns "webhook".
func (w *Webhook) Name() string { return w.post.name }

// String names the host and nothing secret.
func (w *Webhook) String() string { return w.cfg.String() }

// Format prints String whatever the verb.
func (w *Webhook) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, w.String()) }

// LogValue is String.
func (w *Webhook) LogValue() slog.Value { return w.cfg.LogValue() }

// notice is the body of a webhook. Its type names the schema of data: fields may be added, none changes its
// meaning.
type notice struct {
	Type      string     `json:"type"`
	Timestamp string     `json:"timestamp"`
	Data      noticeData `json:"data"`
}

type noticeData struct {
	Key       string            `json:"key"`
	Episode   int64             `json:"episode,omitempty"`
	Severity  Severity          `json:"severity"`
	Title     string            `json:"title,omitempty"`
	Source    string            `json:"source"`
	Component string            `json:"component,omitempty"`
	Class     string            `json:"class,omitempty"`
	Details   map[string]string `json:"details,omitempty"`
	Links     []link            `json:"links,omitempty"`
}

// noticeType is the type of a body: theriac.notice and what happened.
func noticeType(a Action) string {
	switch a {
	case Acknowledge:
		return "theriac.notice.acknowledged"
	case Resolve:
		return "theriac.notice.resolved"
	default:
		return "theriac.notice.triggered"
	}
}

// Send calls the webhook. A status of 2xx means that the receiver took the alert, whatever its body says or
// does: that is the rule of Standard Webhooks.
func (w *Webhook) Send(ctx context.Context, a Alert) error {
	a, err := a.ready()
	if err != nil {
		return w.post.invalid(err)
	}
	body, err := json.Marshal(bodyOf(a, w.cfg.Now()))
	if err != nil {
		return w.post.invalid(errors.New("the alert makes no JSON"))
	}
	return w.Deliver(ctx, a.ID(), body)
}

// Deliver calls the webhook with a body of the caller's own, signed and named by id, which is the same in
// each try: the receiver drops a second one by it. It returns what Send returns.
func (w *Webhook) Deliver(ctx context.Context, id string, body []byte) error {
	timestamp := strconv.FormatInt(w.cfg.Now().Unix(), 10)
	got, err := w.post.post(ctx, body, http.Header{
		HeaderID:        {id},
		HeaderTimestamp: {timestamp},
		HeaderSignature: {sign(w.keys, id, timestamp, body)},
	}, true)
	if err != nil {
		return err
	}
	if !got.ok() {
		return w.post.refused(got, "", "WebhookConfig.Secrets")
	}
	return nil
}

func bodyOf(a Alert, now time.Time) notice {
	if a.At.IsZero() {
		a.At = now
	}
	return notice{
		Type: noticeType(a.Action), Timestamp: a.At.UTC().Format(time.RFC3339Nano),
		Data: noticeData{
			Key: a.Key, Episode: a.Episode, Severity: a.Severity, Title: a.Title, Source: a.Source,
			Component: a.Component, Class: a.Class, Details: a.Details, Links: wireLinks(a.Links),
		},
	}
}
