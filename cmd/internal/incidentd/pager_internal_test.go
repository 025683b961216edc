package incidentd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/internal/notify/notifyfake"
)

const (
	sharedKey = "0123456789abcdef0123456789abcdef"
	ownKey    = "fedcba9876543210fedcba9876543210"
	hookKey   = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

// talk is a chat in which messages to people are found again.
type talk struct {
	workflow.Chat
	posts map[string]workflow.Card
	said  int
	fail  error
}

func (c *talk) FindPost(_ context.Context, _ workflow.Place, key string) (incident.Post, bool, error) {
	_, ok := c.posts[key]
	return incident.Post{}, ok, nil
}

func (c *talk) Post(_ context.Context, p workflow.Post) (incident.Post, error) {
	if c.fail != nil {
		return incident.Post{}, c.fail
	}
	c.said++
	c.posts[p.Key] = p.Card
	return incident.Post{ID: "1"}, nil
}

func startPagerDuty(t *testing.T) *notifyfake.PagerDuty {
	t.Helper()
	pd, err := notifyfake.StartPagerDuty(t.Context(), sharedKey, ownKey)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pd.Close() })
	return pd
}

func call(person incident.Person) workflow.Call {
	return workflow.Call{
		Key: "page:e1:1:1:person:" + person.ID, Target: incident.Target{Kind: incident.ToPerson, ID: person.ID}, Person: person, By: "ben",
	}
}

func page(person incident.Person) workflow.Page {
	return workflow.Page{
		Call: call(person), Title: "INC-1 critical: checkout is down", Text: "Level 1 of 2", Ref: "INC-1", Severity: "critical",
		AckURL: "https://ops.example.com/ack/e1?t=x", At: time.Now(), Buttons: []workflow.Button{{Text: "Ack", Action: workflow.ActAck, Value: "i/e1"}},
	}
}

// A page goes by every way, once by each however often it is tried, and what is answered is answered
// at PagerDuty, too.
func TestPager_AllWays_Once(t *testing.T) {
	t.Parallel()
	pd := startPagerDuty(t)
	chat := &talk{posts: map[string]workflow.Card{}}
	p, err := newPager(config.Notices{PagerDutyKey: sharedKey, PagerDutyURL: pd.URL()}, chat, func(string) string { return "" }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ana := incident.Person{ID: "ana", Name: "Ana", SlackID: "U0ANA"}
	for i := range 3 {
		again := page(ana)
		again.Again = i > 0
		if err := p.Page(t.Context(), again); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Acknowledge(t.Context(), call(ana)); err != nil {
		t.Fatal(err)
	}
	if err := p.Resolve(t.Context(), call(ana)); err != nil {
		t.Fatal(err)
	}
	alerts := pd.Alerts()
	if len(alerts) != 1 || alerts[0].Key != call(ana).Key || alerts[0].State != notifyfake.Resolved {
		t.Fatalf("PagerDuty has %+v", alerts)
	}
	if links := alerts[0].First.Links; len(links) != 1 || links[0].Href != page(ana).AckURL {
		t.Errorf("the links of the page are %+v", links)
	}
	if card, ok := chat.posts[call(ana).Key]; chat.said != 1 || !ok || len(card.Buttons) != 1 {
		t.Errorf("the chat was told %d times and has %+v", chat.said, chat.posts)
	}
}

// Somebody with a key of their own is called by it, and one way that fails does not make a page fail.
func TestPager_OwnKey_AndOneWayIsEnough(t *testing.T) {
	t.Parallel()
	pd := startPagerDuty(t)
	chat := &talk{posts: map[string]workflow.Card{}, fail: workflow.Never(errors.New("the app was taken out"))}
	secret := func(name string) string { return map[string]string{"BEN_KEY": ownKey}[name] }
	p, err := newPager(config.Notices{PagerDutyKey: sharedKey, PagerDutyURL: pd.URL()}, chat, secret, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ben := incident.Person{ID: "ben", PagerKeyEnv: "BEN_KEY"}
	if err := p.Page(t.Context(), page(ben)); err != nil {
		t.Fatal(err)
	}
	if alerts := pd.Alerts(); len(alerts) != 1 || alerts[0].First.RoutingKey != ownKey {
		t.Errorf("PagerDuty has %+v", alerts)
	}
}

// Where others read along, as at PagerDuty, a private incident is a number; the person it calls reads its
// name in the message to them alone.
func TestPager_Private(t *testing.T) {
	t.Parallel()
	pd := startPagerDuty(t)
	chat := &talk{posts: map[string]workflow.Card{}}
	p, err := newPager(config.Notices{PagerDutyKey: sharedKey, PagerDutyURL: pd.URL()}, chat, func(string) string { return "" }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	secret := page(incident.Person{ID: "ana", SlackID: "U0ANA"})
	secret.Title, secret.Text, secret.Severity = "INC-1 critical: leaked keys", "Because: leaked keys", "critical"
	secret.Outside = &workflow.Words{Title: "INC-1", Text: "A private incident. Level 1 of 2"}
	if err := p.Page(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	alerts := pd.Alerts()
	if len(alerts) != 1 {
		t.Fatalf("PagerDuty has %+v", alerts)
	}
	if said := fmt.Sprintf("%+v", *alerts[0].First.Payload); strings.Contains(said, "leaked") || strings.Contains(said, "critical:") || !strings.Contains(said, "A private incident. Level 1") {
		t.Errorf("PagerDuty has %s", said)
	}
	if card := chat.posts[secret.Key]; card.Title != secret.Title {
		t.Errorf("she reads %+v", card)
	}
}

// A page that no way takes is tried again; one that has no way at all never is.
func TestPager_NoWay(t *testing.T) {
	t.Parallel()
	pd := startPagerDuty(t)
	pd.Order(notifyfake.Fault{Status: http.StatusServiceUnavailable, RetryAfter: "7"})
	p, err := newPager(config.Notices{PagerDutyKey: sharedKey, PagerDutyURL: pd.URL()}, nil, func(string) string { return "" }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ana := incident.Person{ID: "ana"}
	var trouble *workflow.TroubleError
	if err := p.Page(t.Context(), page(ana)); !errors.As(err, &trouble) {
		t.Errorf("with PagerDuty away: %v", err)
	}
	if err := p.Page(t.Context(), page(ana)); err != nil {
		t.Errorf("when it is back: %v", err)
	}
	none, err := newPager(config.Notices{}, nil, func(string) string { return "" }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := none.Page(t.Context(), page(ana)); !errors.As(err, &trouble) {
		t.Errorf("with no way at all: %v", err)
	}
	if err := none.Resolve(t.Context(), call(ana)); err != nil {
		t.Errorf("what nobody was told needs no end: %v", err)
	}
}

// A delivery is signed as Standard Webhooks says, its id is the same in each try, and an address inside
// this network is called only where the settings allow it.
func TestHooks_SignedAndNotInside(t *testing.T) {
	t.Parallel()
	var verified, ids []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
		if err := notify.Verify([]string{hookKey}, r.Header, body, time.Now()); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		verified, ids = append(verified, string(body)), append(ids, r.Header.Get(notify.HeaderID))
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	h := hooks{func(name string) string { return map[string]string{"HOOK": hookKey}[name] }}
	d := workflow.Delivery{
		Endpoint: incident.Endpoint{ID: "crm", URL: server.URL, SecretEnv: []string{"HOOK"}, AllowPrivate: true},
		ID:       "msg_1", At: time.Now(), Body: []byte(`{"type":"incident.declared"}`),
	}
	for range 2 {
		if err := h.Deliver(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if len(verified) != 2 || verified[0] != string(d.Body) || ids[0] != "msg_1" || ids[1] != "msg_1" {
		t.Errorf("the endpoint took %q with ids %q", verified, ids)
	}
	inside := d
	inside.Endpoint.AllowPrivate = false
	noSecret := d
	noSecret.Endpoint.SecretEnv = []string{"NOT_SET"}
	for name, bad := range map[string]workflow.Delivery{"inside": inside, "without a secret": noSecret} {
		var trouble *workflow.TroubleError
		if err := h.Deliver(t.Context(), bad); !errors.As(err, &trouble) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(verified) != 2 {
		t.Errorf("the endpoint was called %d times", len(verified))
	}
}
