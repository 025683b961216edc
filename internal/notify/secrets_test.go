package notify_test

import (
	"bytes"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/internal/notify/notifyfake"
)

// TestSend_LogsNothing: net/http writes to the program's log what comes unasked on an idle connection, with
// the words of the other side. It is not parallel, since that log is one for the process.
func TestSend_LogsNothing(t *testing.T) {
	var logged bytes.Buffer
	before := log.Writer()
	log.SetOutput(&logged)
	defer log.SetOutput(before)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = conn.Write([]byte("HTTP/1.1 202 Accepted\r\nContent-Length: 20\r\n\r\n" + `{"status":"success"}` + "HTTP/1.1 200 CANARY\r\n\r\n"))
		_ = conn.Close()
	}))
	defer server.Close()
	pd, err := notify.NewPagerDuty(notify.PagerDutyConfig{RoutingKey: routingKey, URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	hook, err := notify.NewWebhook(notify.WebhookConfig{URL: server.URL + "/" + notifyfake.Token, Secrets: []string{secretA}})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for _, sender := range []notify.Sender{pd, hook} {
			if err := send(t, sender, alert(notify.Trigger)); err != nil {
				t.Errorf("%s: %v", sender.Name(), err)
			}
		}
	}
	if logged.Len() > 0 {
		t.Errorf("logged: %s", logged.String())
	}
}

// TestSend_OneAllowList: of an alert nothing travels but its fields, and the webhook never sees PagerDuty's
// key nor its own secrets.
func TestSend_OneAllowList(t *testing.T) {
	t.Parallel()
	pd, pdServer := newPagerDuty(t, nil)
	hook, hookServer := newWebhook(t, nil)
	for _, sender := range []notify.Sender{pd, hook} {
		if err := send(t, sender, alert(notify.Trigger)); err != nil {
			t.Fatal(err)
		}
	}
	for _, secret := range []string{secretA, secretA[6:], routingKey} {
		if hookServer.Saw(secret) {
			t.Errorf("the webhook was sent %q", secret)
		}
	}
	if !hookServer.Saw(notifyfake.Token) || !hookServer.Saw("Q-7F3K") || !pdServer.Saw(routingKey) || pdServer.Saw(notifyfake.Token) {
		t.Error("the journals do not show what was sent")
	}
	want := map[string]bool{"Content-Type": true, "Content-Length": true, "User-Agent": true, "Accept-Encoding": true, "Connection": true,
		notify.HeaderID: true, notify.HeaderTimestamp: true, notify.HeaderSignature: true}
	for name := range hookServer.Journal()[0].Header {
		if !want[name] {
			t.Errorf("header %s is sent", name)
		}
	}
}
