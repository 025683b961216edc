package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// PagerDutyURL is where PagerDuty takes events; accounts in its European region use
// https://events.eu.pagerduty.com/v2/enqueue.
const PagerDutyURL = "https://events.pagerduty.com/v2/enqueue"

// routingKeyLength is what PagerDuty's keys have, in letters and digits.
const routingKeyLength = 32

// PagerDutyConfig says how PagerDuty is told. It prints without its key.
type PagerDutyConfig struct {
	// RoutingKey is the integration key of a service, type "Events API v2": 32 letters and digits. Required.
	// It is a secret.
	RoutingKey string `json:"-"`
	// URL is where events go. Default PagerDutyURL.
	URL string
	// Client is the name that PagerDuty shows as the sender of an alert. Default "Theriac".
	Client string
	// ClientURL is the page behind that name. Default: none.
	ClientURL string
	// Timeout bounds one call. Default 10 s.
	Timeout time.Duration
	// HTTPClient, if not nil, is used instead of one's own, except that it follows no redirects.
	HTTPClient *http.Client `json:"-"`
	// Now tells the time, for tests. Default time.Now.
	Now func() time.Time `json:"-"`
}

// WithDefaults returns a copy in which zero fields have their defaults.
func (c PagerDutyConfig) WithDefaults() PagerDutyConfig {
	if c.URL == "" {
		c.URL = PagerDutyURL
	}
	if c.Client == "" {
		c.Client = "Theriac"
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Validate joins all that is wrong with a configuration that has its defaults. It shows neither the key nor
// more of a URL than its host.
func (c PagerDutyConfig) Validate() error {
	problems := []error{checkURL("PagerDutyConfig.URL", c.URL, false)}
	switch {
	case c.RoutingKey == "":
		problems = append(problems, errors.New("PagerDutyConfig.RoutingKey is empty: set the integration key of an Events API v2 integration"))
	case len(c.RoutingKey) != routingKeyLength || !isAlphanumeric(c.RoutingKey):
		problems = append(problems, fmt.Errorf("PagerDutyConfig.RoutingKey has %d characters: want %d letters and digits (an API key is not one)",
			len(c.RoutingKey), routingKeyLength))
	}
	if c.ClientURL != "" && !isPage(c.ClientURL) {
		problems = append(problems, errors.New("PagerDutyConfig.ClientURL is no http or https address"))
	}
	if c.Timeout < time.Millisecond {
		problems = append(problems, fmt.Errorf("PagerDutyConfig.Timeout is %v: want at least 1ms", c.Timeout))
	}
	return errors.Join(problems...)
}

// String names the host and nothing secret.
func (c PagerDutyConfig) String() string {
	return place("pagerduty", hostOf(c.WithDefaults().URL))
}

// Format prints String whatever the verb: the others would show the key.
func (c PagerDutyConfig) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, c.String()) }

// LogValue is String.
func (c PagerDutyConfig) LogValue() slog.Value { return slog.StringValue(c.String()) }

// PagerDuty is a [Sender] for the Events API v2. Make one with [NewPagerDuty]. It prints without its key.
type PagerDuty struct {
	cfg  PagerDutyConfig
	post poster
}

var _ Sender = (*PagerDuty)(nil)

// NewPagerDuty returns a sender, or all that is wrong with cfg. It calls nobody.
func NewPagerDuty(cfg PagerDutyConfig) (*PagerDuty, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &PagerDuty{cfg: cfg, post: poster{
		name: "pagerduty", url: cfg.URL, host: hostOf(cfg.URL),
		client: newClient(cfg.HTTPClient, false), timeout: cfg.Timeout, now: cfg.Now,
	}}, nil
}

// Name returns "pagerduty".
func (p *PagerDuty) Name() string { return p.post.name }

// String names the host and nothing secret.
func (p *PagerDuty) String() string { return p.cfg.String() }

// Format prints String whatever the verb.
func (p *PagerDuty) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, p.String()) }

// LogValue is String.
func (p *PagerDuty) LogValue() slog.Value { return p.cfg.LogValue() }

// event is PagerDuty's form of an alert. What follows a trigger has none but the first three.
type event struct {
	RoutingKey string    `json:"routing_key"`
	Action     Action    `json:"event_action"`
	DedupKey   string    `json:"dedup_key"`
	Client     string    `json:"client,omitempty"`
	ClientURL  string    `json:"client_url,omitempty"`
	Links      []link    `json:"links,omitempty"`
	Payload    *envelope `json:"payload,omitempty"`
}

type link struct {
	Href string `json:"href"`
	Text string `json:"text,omitempty"`
}

type envelope struct {
	Summary   string            `json:"summary"`
	Source    string            `json:"source"`
	Severity  Severity          `json:"severity"`
	Timestamp string            `json:"timestamp,omitempty"`
	Component string            `json:"component,omitempty"`
	Class     string            `json:"class,omitempty"`
	Details   map[string]string `json:"custom_details,omitempty"`
}

// Send tells PagerDuty. An alert is taken when its answer says so in full; anything else may be repeated
// without harm, since the key is PagerDuty's dedup_key.
func (p *PagerDuty) Send(ctx context.Context, a Alert) error {
	a, err := a.ready()
	if err != nil {
		return p.post.invalid(err)
	}
	body, err := json.Marshal(p.event(a))
	if err != nil {
		return p.post.invalid(errors.New("the alert makes no JSON"))
	}
	got, err := p.post.post(ctx, body, nil, false)
	if err != nil {
		return err
	}
	if !got.ok() {
		return p.post.refused(got, p.why(got), "PagerDutyConfig.RoutingKey")
	}
	var said struct {
		Status string `json:"status"`
	}
	if err := json.Unmarshal(got.body, &said); err != nil || !got.whole || said.Status != "success" {
		return p.post.later(got.status, got.retryAfter, fmt.Sprintf("answered %d, but not what PagerDuty says when it took an event", got.status))
	}
	return nil
}

func (p *PagerDuty) event(a Alert) event {
	e := event{RoutingKey: p.cfg.RoutingKey, Action: a.Action, DedupKey: a.Key}
	if a.Action != Trigger {
		return e
	}
	e.Client, e.ClientURL, e.Links = p.cfg.Client, p.cfg.ClientURL, wireLinks(a.Links)
	e.Payload = &envelope{
		Summary: a.Title, Source: a.Source, Severity: a.Severity, Component: a.Component, Class: a.Class,
		Details: a.Details,
	}
	if !a.At.IsZero() {
		e.Payload.Timestamp = a.At.UTC().Format(time.RFC3339Nano)
	}
	return e
}

func wireLinks(links []Link) []link {
	var wire []link
	for _, l := range links {
		wire = append(wire, link{Href: l.Href, Text: l.Text})
	}
	return wire
}

// maxWhy is how many reasons of PagerDuty's are shown.
const maxWhy = 3

// why returns PagerDuty's own reasons for a 400, scrubbed, or "".
func (p *PagerDuty) why(a answer) string {
	var said struct {
		Message string   `json:"message"`
		Errors  []string `json:"errors"`
	}
	if a.status != http.StatusBadRequest || !a.whole || json.Unmarshal(a.body, &said) != nil {
		return ""
	}
	if len(said.Errors) == 0 {
		said.Errors = []string{said.Message}
	}
	var why []string
	for _, text := range said.Errors[:min(len(said.Errors), maxWhy)] {
		if text = scrub(text); text != "" {
			why = append(why, text)
		}
	}
	return strings.Join(why, "; ")
}

// keyLike are runs that may be a key, or part of one, in any of the usual codings. The words of real
// reasons are shorter.
var keyLike = regexp.MustCompile(`[0-9A-Za-z+/=_%-]{16,}`)

// scrub makes a text of the other side's fit to be shown: one short line without anything like a key.
func scrub(text string) string {
	return oneLine(keyLike.ReplaceAllString(oneLine(text, MaxTitle), "[removed]"), 160)
}

// isAlphanumeric reports whether s is ASCII letters and digits.
func isAlphanumeric(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}
