package incidentd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/notify"
)

// pager calls people by every way that is set: PagerDuty with a key of the person's own or of the
// service, the signed webhook, and a direct message with a button. One way that takes a page is
// enough; what the others say goes to the log. Each way drops what it was told before: PagerDuty and
// webhook by the page's key, the chat because it is asked first where that may have been.
type pager struct {
	chat    workflow.Chat
	notices config.Notices
	secret  func(name string) string
	shared  []notify.Sender
	log     *slog.Logger
}

var _ workflow.Notifier = (*pager)(nil)

// newPager returns the pager of the settings; chat may be nil.
func newPager(n config.Notices, chat workflow.Chat, secret func(string) string, log *slog.Logger) (*pager, error) {
	p := &pager{chat: chat, notices: n, secret: secret, log: log}
	if n.PagerDutyKey != "" {
		pd, err := p.pagerDuty(n.PagerDutyKey)
		if err != nil {
			return nil, err
		}
		p.shared = append(p.shared, pd)
	}
	if n.WebhookURL != "" {
		hook, err := notify.NewWebhook(notify.WebhookConfig{URL: n.WebhookURL, Secrets: n.WebhookSecrets})
		if err != nil {
			return nil, err
		}
		p.shared = append(p.shared, hook)
	}
	return p, nil
}

func (p *pager) pagerDuty(key string) (notify.Sender, error) {
	return notify.NewPagerDuty(notify.PagerDutyConfig{RoutingKey: key, URL: p.notices.PagerDutyURL, ClientURL: p.notices.Links})
}

// senders are the ways to call a person, but for the chat.
func (p *pager) senders(person incident.Person) []notify.Sender {
	if person.PagerKeyEnv == "" {
		return p.shared
	}
	own, err := p.pagerDuty(p.secret(person.PagerKeyEnv))
	if err != nil {
		p.log.Error("the pager key of a person cannot be used; theirs is called by the shared one", "person", person.ID, "variable", person.PagerKeyEnv)
		return p.shared
	}
	all := []notify.Sender{own}
	for _, s := range p.shared {
		if s.Name() != own.Name() {
			all = append(all, s)
		}
	}
	return all
}

// Page calls somebody by all ways. Others read along at all of them but the chat.
func (p *pager) Page(ctx context.Context, page workflow.Page) error {
	words, class := workflow.Words{Title: page.Title, Text: page.Text}, page.Severity
	if page.Outside != nil {
		words, class = *page.Outside, ""
	}
	alert := notify.Alert{
		Key: page.Key, Action: notify.Trigger, Severity: severityOf(page), Title: words.Title, Source: "incidentd",
		Component: page.Ref, Class: class, At: page.At, Details: map[string]string{"page": words.Text, "who": page.Target.String()},
	}
	for _, link := range []notify.Link{{Href: page.AckURL, Text: "I have it"}, {Href: page.URL, Text: page.Ref}} {
		if link.Href != "" {
			alert.Links = append(alert.Links, link)
		}
	}
	return p.all(ctx, page.Call, alert, func() error { return p.tell(ctx, page) })
}

// Acknowledge tells PagerDuty and the webhook that somebody answered. The message in the chat stays:
// the timeline says who.
func (p *pager) Acknowledge(ctx context.Context, c workflow.Call) error {
	return p.end(ctx, c, notify.Acknowledge)
}

// Resolve tells them that it is over.
func (p *pager) Resolve(ctx context.Context, c workflow.Call) error {
	return p.end(ctx, c, notify.Resolve)
}

func (p *pager) end(ctx context.Context, c workflow.Call, what notify.Action) error {
	alert := notify.Alert{Key: c.Key, Action: what, Source: "incidentd", Title: "answered by " + c.By}
	return p.all(ctx, c, alert, nil)
}

// all goes through the ways. It returns nil once one of them took it, or there is none but the chat.
func (p *pager) all(ctx context.Context, c workflow.Call, alert notify.Alert, chat func() error) error {
	var errs []error
	taken := false
	for _, s := range p.senders(c.Person) {
		err := trouble(s.Send(ctx, alert))
		taken = taken || err == nil
		errs = append(errs, err)
	}
	if chat != nil && p.chat != nil && c.Person.ID != "" {
		err := chat()
		taken = taken || err == nil
		errs = append(errs, err)
	}
	err := errors.Join(errs...)
	switch {
	case taken && err != nil:
		p.log.Warn("a page went out by one way and not by another", "key", c.Key, "err", err)
		return nil
	case taken || chat == nil && len(errs) == 0:
		return nil
	case len(errs) == 0:
		return workflow.Never(errors.New("there is no way to call " + c.Target.String() + ": set THERIAC_PAGERDUTY_KEY, THERIAC_WEBHOOK_URL or Slack"))
	default:
		return worst(errs)
	}
}

// worst returns the error that leaves most open: one that may have been taken, then one that may be
// taken later, then a refusal.
func worst(errs []error) error {
	var last error
	for _, err := range errs {
		if err == nil {
			continue
		}
		var permanent *notify.PermanentError
		if last == nil || errors.As(last, &permanent) {
			last = err
		}
	}
	return last
}

// tell writes to the person directly, unless that was done.
func (p *pager) tell(ctx context.Context, page workflow.Page) error {
	to := workflow.Place{Person: page.Person}
	if page.Again {
		_, found, err := p.chat.FindPost(ctx, to, page.Key)
		if err != nil || found {
			return err
		}
	}
	card := workflow.Card{Title: page.Title, Text: page.Text, Buttons: page.Buttons}
	_, err := p.chat.Post(ctx, workflow.Post{To: to, Key: page.Key, Card: card})
	return err
}

// severityOf is how bad a page looks on a phone.
func severityOf(page workflow.Page) notify.Severity {
	if page.Test {
		return notify.SeverityInfo
	}
	return notify.SeverityCritical
}

// trouble says what is known of a call that failed.
func trouble(err error) error {
	var permanent *notify.PermanentError
	var retry *notify.RetryError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &permanent):
		return workflow.Never(err)
	case errors.As(err, &retry) && retry.Status != 0:
		return workflow.Later(err, retry.After)
	default:
		return workflow.InDoubt(err)
	}
}

// hooks carries outgoing webhooks. A sender is made for each delivery: endpoints and their secrets
// change while the process runs.
type hooks struct{ secret func(name string) string }

var _ workflow.Webhooks = hooks{}

// hookTimeout bounds one delivery, within the handler's own 15 s.
const hookTimeout = 10 * time.Second

// Deliver sends one signed request.
func (h hooks) Deliver(ctx context.Context, d workflow.Delivery) error {
	var secrets []string
	for _, name := range d.Endpoint.SecretEnv {
		if s := h.secret(name); s != "" {
			secrets = append(secrets, s)
		}
	}
	if len(secrets) == 0 {
		return workflow.Later(fmt.Errorf("endpoint %s has no secret: set %s", d.Endpoint.ID, strings.Join(d.Endpoint.SecretEnv, " or ")), 0)
	}
	hook, err := notify.NewWebhook(notify.WebhookConfig{
		URL: d.Endpoint.URL, Secrets: secrets, PublicOnly: !d.Endpoint.AllowPrivate, Timeout: hookTimeout,
	})
	if err != nil {
		return workflow.Never(err)
	}
	err = hook.Deliver(ctx, d.ID, d.Body)
	var permanent *notify.PermanentError
	if errors.As(err, &permanent) {
		// A receiver that refuses today may be mended tomorrow: the delivery keeps its schedule of a day.
		return workflow.Later(err, 0)
	}
	return trouble(err)
}

// secretOf reads a secret that the settings name from the environment.
func secretOf(environ []string) func(string) string {
	return func(name string) string {
		for _, pair := range environ {
			if value, ok := strings.CutPrefix(pair, name+"="); ok && name != "" {
				return value
			}
		}
		return ""
	}
}
