package notify_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/internal/notify/notifyfake"
)

var update = flag.Bool("update", false, "write the golden files")

// TestSend_WireForms pins what other people's programs read: the bodies of both senders, by action.
func TestSend_WireForms(t *testing.T) {
	t.Parallel()
	for _, action := range []notify.Action{notify.Trigger, notify.Acknowledge, notify.Resolve} {
		pd, pdServer := newPagerDuty(t, func(c *notify.PagerDutyConfig) { c.ClientURL = "https://ops.example.com/theriac" })
		hook, hookServer := newWebhook(t, nil)
		for _, sender := range []notify.Sender{pd, hook} {
			if err := send(t, sender, alert(action)); err != nil {
				t.Fatal(err)
			}
		}
		for name, server := range map[string]*notifyfake.Server{"pagerduty": &pdServer.Server, "webhook": &hookServer.Server} {
			request := server.Journal()[0]
			if got := request.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("%s: Content-Type %q", name, got)
			}
			golden(t, name+"_"+string(action)+".json", request.Body)
		}
	}
}

// golden compares JSON with a file. The file is indented, what is sent is not.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	var indented bytes.Buffer
	if err := json.Indent(&indented, got, "", "  "); err != nil {
		t.Fatal(err)
	}
	indented.WriteByte('\n')
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, indented.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), indented.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestPagerDuty_LifeOfAnAlert(t *testing.T) {
	t.Parallel()
	pd, server := newPagerDuty(t, nil)
	if pd.Name() != "pagerduty" {
		t.Errorf("Name = %q", pd.Name())
	}
	for _, action := range []notify.Action{notify.Resolve, notify.Trigger, notify.Trigger, notify.Acknowledge, notify.Resolve, notify.Resolve, notify.Trigger} {
		if err := send(t, pd, alert(action)); err != nil {
			t.Fatal(err)
		}
	}
	got := server.Alerts()
	if len(got) != 2 || got[0].State != notifyfake.Resolved || got[1].State != notifyfake.Triggered || server.Dropped() != 2 {
		t.Fatalf("%+v, %d dropped; want a resolved and an open alert, 2 dropped", got, server.Dropped())
	}
	if diff := cmp.Diff([]string{"trigger", "trigger", "acknowledge", "resolve"}, got[0].Actions); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
}

// TestPagerDuty_WorstAlert_IsTaken sends all bounds at once: PagerDuty takes no more than 512 KB.
func TestPagerDuty_WorstAlert_IsTaken(t *testing.T) {
	t.Parallel()
	pd, server := newPagerDuty(t, nil)
	hook, hookServer := newWebhook(t, nil)
	long := strings.Repeat("<", 100_000) // six bytes in JSON
	a := notify.Alert{
		Key: strings.Repeat("<", notify.MaxKeyBytes), Action: notify.Trigger, Title: long, Source: long, Component: long, Class: long,
		At: at, Details: map[string]string{},
	}
	for i := range 100 {
		a.Details[strings.Repeat("d", i%50+1)+strings.Repeat("<", 250-i)] = long
		a.Links = append(a.Links, notify.Link{Text: long, Href: "https://example.com/" + strings.Repeat("<", 2028)})
	}
	for _, sender := range []notify.Sender{pd, hook} {
		if err := send(t, sender, a); err != nil {
			t.Errorf("%s: %v", sender.Name(), err)
		}
	}
	if len(server.Alerts()) != 1 || len(hookServer.Deliveries()) != 1 {
		t.Fatalf("%d alerts, %d deliveries", len(server.Alerts()), len(hookServer.Deliveries()))
	}
	for _, server := range []*notifyfake.Server{&server.Server, &hookServer.Server} {
		if n := len(server.Journal()[0].Body); n < 200<<10 || n > 300<<10 {
			t.Errorf("the largest alert has %d bytes", n)
		}
	}
}

func TestPagerDuty_BadKey_SaysWhatToDo(t *testing.T) {
	t.Parallel()
	other := strings.Repeat("K", 32)
	pd, server := newPagerDuty(t, func(c *notify.PagerDutyConfig) { c.RoutingKey = other })
	err := send(t, pd, alert(notify.Trigger))
	wantPermanent(t, err, 400, "invalid")
	if text := err.Error(); !strings.Contains(text, "Invalid routing key") || !strings.Contains(text, "check PagerDutyConfig.RoutingKey") {
		t.Errorf("got %v", err)
	}
	if len(server.Alerts()) != 0 {
		t.Error("an alert was opened")
	}
}

// TestPagerDuty_ReasonsAreScrubbed: what it says of a 400 may repeat what we sent, and holds whatever it likes.
func TestPagerDuty_ReasonsAreScrubbed(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"Errors":    `{"status":"invalid event","errors":["routing_key ` + routingKey + ` is unknown","\u001b]0;x\u0007 <b>","` + strings.Repeat("word ", 1000) + `","a fourth"]}`,
		"Message":   `{"message":"no such key: ` + strings.ToLower(routingKey) + `"}`,
		"Hex":       `{"errors":["key 52304341414e415259... 5230434e415259305230434e41525930"]}`,
		"Encoded":   `{"errors":["key=UjBDQU5BUlkwcm91dGluZzBrZXkwb2YwdGhlMHRlc3Q%3D"]}`,
		"NotAList":  `{"errors":{"routing_key":"` + routingKey + `"}}`,
		"NoReasons": `{"errors":[],"message":""}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pd, server := newPagerDuty(t, nil)
			server.Order(notifyfake.Fault{Status: 400, Body: body})
			err := send(t, pd, alert(notify.Trigger))
			wantPermanent(t, err, 400, "invalid")
			text := err.Error()
			wantNoSecret(t, strings.ToUpper(text), strings.ToUpper(routingKey))
			if len(text) > 1000 || strings.ContainsAny(text, "\x1b\x07\n") || strings.Contains(text, "fourth") || strings.Contains(text, "5230434e415259305230434e") || strings.Contains(text, "UjBDQU5B") {
				t.Errorf("got %q", text)
			}
		})
	}
}

func TestWebhook_Headers(t *testing.T) {
	t.Parallel()
	hook, server := newWebhook(t, nil)
	if hook.Name() != "webhook" {
		t.Errorf("Name = %q", hook.Name())
	}
	for _, action := range []notify.Action{notify.Trigger, notify.Acknowledge, notify.Resolve} {
		if err := send(t, hook, alert(action)); err != nil {
			t.Fatal(err)
		}
	}
	got := server.Deliveries()
	if len(got) != 3 {
		t.Fatalf("%d taken: %v", len(got), server.Refusals())
	}
	for i, want := range []struct {
		action notify.Action
		kind   string
	}{
		{notify.Trigger, "theriac.notice.triggered"},
		{notify.Acknowledge, "theriac.notice.acknowledged"},
		{notify.Resolve, "theriac.notice.resolved"},
	} {
		if got[i].ID != alert(want.action).ID() || got[i].Type != want.kind || !got[i].Timestamp.Equal(at) {
			t.Errorf("delivery %d: %s %s %v", i, got[i].ID, got[i].Type, got[i].Timestamp)
		}
	}
	h := server.Journal()[0].Header
	if got := h.Get("webhook-timestamp"); got != "1795316531" {
		t.Errorf("timestamp %q", got)
	}
}

// TestWebhook_Rotation moves a receiver from one secret to another: at no step is an alert refused.
func TestWebhook_Rotation(t *testing.T) {
	t.Parallel()
	_, server := newWebhook(t, nil)
	steps := []struct{ sender, receiver []string }{
		{[]string{secretA}, []string{secretA}},
		{[]string{secretA, secretB}, []string{secretA}},
		{[]string{secretA, secretB}, []string{secretB}},
		{[]string{secretB}, []string{secretB}},
		{[]string{secretA}, []string{secretB, secretA}},
	}
	for i, step := range steps {
		server.SetSecrets(step.receiver...)
		hook, err := notify.NewWebhook(notify.WebhookConfig{URL: server.URL(), Secrets: step.sender, Now: nowAt})
		if err != nil {
			t.Fatal(err)
		}
		a := alert(notify.Trigger)
		a.Episode = int64(i) + 1
		if err := send(t, hook, a); err != nil {
			t.Errorf("step %d: %v", i, err)
		}
		if n := len(strings.Fields(server.Journal()[i].Header.Get("webhook-signature"))); n != len(step.sender) {
			t.Errorf("step %d: %d signatures of %d secrets", i, n, len(step.sender))
		}
	}
	server.SetSecrets(secretB)
	hook, err := notify.NewWebhook(notify.WebhookConfig{URL: server.URL(), Secrets: []string{secretA}, Now: nowAt})
	if err != nil {
		t.Fatal(err)
	}
	a := alert(notify.Trigger)
	a.Episode = 99
	wantPermanent(t, send(t, hook, a), 401, "not allowed")
	if len(server.Deliveries()) != len(steps) {
		t.Errorf("%d taken, want %d", len(server.Deliveries()), len(steps))
	}
}
