package notify_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/internal/notify"
	"github.com/theriac/theriac/internal/notify/notifyfake"
)

// TestSend_ErrorCorpus lets both receivers fail in every way and asks what a sender says, that it says no
// secret, and that the next try arrives.
func TestSend_ErrorCorpus(t *testing.T) {
	t.Parallel()
	html := "<html><body>CANARY <h1>502 Bad Gateway</h1></body></html>"
	tests := []struct {
		name  string
		fault notifyfake.Fault
		kind  string // of a permanent error, "" for one to retry
		after time.Duration
		says  string
	}{
		{"429", notifyfake.Fault{Status: 429}, "", 0, "answered 429"},
		{"429_Seconds", notifyfake.Fault{Status: 429, RetryAfter: "30"}, "", 30 * time.Second, "again in 30s"},
		{"429_AnHour", notifyfake.Fault{Status: 429, RetryAfter: "3600"}, "", notify.MaxRetryAfter, "again in 5m0s"},
		{"429_Date", notifyfake.Fault{Status: 429, RetryAfter: at.Add(20 * time.Second).Format(http.TimeFormat)}, "", 20 * time.Second, ""},
		{"429_Nonsense", notifyfake.Fault{Status: 429, RetryAfter: "CANARY"}, "", 0, ""},
		{"500_HTML", notifyfake.Fault{Status: 500, Body: html}, "", 0, "answered 500"},
		{"502_HTML", notifyfake.Fault{Status: 502, Body: html}, "", 0, "answered 502"},
		{"503_RetryAfter", notifyfake.Fault{Status: 503, RetryAfter: "7"}, "", 7 * time.Second, ""},
		{"500_10MB", notifyfake.Fault{Status: 500, Bytes: 10 << 20}, "", 0, "answered 500"},
		{"500_Cut", notifyfake.Fault{Status: 500, Body: html, Cut: true}, "", 0, "answered 500"},
		{"408", notifyfake.Fault{Status: 408}, "", 0, ""},
		{"425", notifyfake.Fault{Status: 425}, "", 0, ""},
		{"Reset", notifyfake.Fault{Reset: true}, "", 0, "reset"},
		{"302_Redirect", notifyfake.Fault{Status: 302, Location: "http://127.0.0.1:1/CANARY"}, "", 0, "a redirect, which is not followed"},
		{"304", notifyfake.Fault{Status: 304}, "", 0, ""},
		{"301_Redirect", notifyfake.Fault{Status: 301, Location: "http://127.0.0.1:1/CANARY"}, "refused", 0, "a redirect, which is not followed"},
		{"308_Redirect", notifyfake.Fault{Status: 308, Location: "http://127.0.0.1:1/CANARY"}, "refused", 0, "set the URL that it moved to"},
		{"400", notifyfake.Fault{Status: 400}, "invalid", 0, "answered 400"},
		{"400_HTML", notifyfake.Fault{Status: 400, Body: html}, "invalid", 0, ""},
		{"400_10MB", notifyfake.Fault{Status: 400, Bytes: 10 << 20}, "invalid", 0, ""},
		{"401", notifyfake.Fault{Status: 401}, "not allowed", 0, "check "},
		{"403", notifyfake.Fault{Status: 403}, "not allowed", 0, "check "},
		{"404", notifyfake.Fault{Status: 404, Body: html}, "not found", 0, "check the URL"},
		{"405", notifyfake.Fault{Status: 405}, "not found", 0, ""},
		{"407", notifyfake.Fault{Status: 407}, "not allowed", 0, ""},
		{"410", notifyfake.Fault{Status: 410}, "not found", 0, "nobody listens there any more"},
		{"413", notifyfake.Fault{Status: 413}, "invalid", 0, "fewer details"},
		{"415", notifyfake.Fault{Status: 415}, "invalid", 0, ""},
		{"422", notifyfake.Fault{Status: 422}, "invalid", 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, r := range receivers(t) {
				r.server.Order(tt.fault)
				err := send(t, r.sender, alert(notify.Trigger))
				if err == nil {
					t.Fatalf("%s: no error", r.sender.Name())
				}
				if tt.kind != "" {
					wantPermanent(t, err, tt.fault.Status, tt.kind)
				} else {
					wantRetry(t, err, tt.fault.Status, tt.after)
				}
				if !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), r.sender.Name()+" at 127.0.0.1:") {
					t.Errorf("%v: want %q and the place", err, tt.says)
				}
				wantNoSecret(t, fmt.Sprintf("%v %+v %#v", err, err, err), r.secret...)
				if err := send(t, r.sender, alert(notify.Trigger)); err != nil || r.taken() != 1 || r.server.Requests() != 2 {
					t.Errorf("%s: the next try: %v, %d taken of %d requests", r.sender.Name(), err, r.taken(), r.server.Requests())
				}
			}
		})
	}
}

// TestSend_GoodStatusBadBody: PagerDuty says in its body that it took an event; the status of a webhook is all
// there is to know.
func TestSend_GoodStatusBadBody(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]notifyfake.Fault{
		"Cut":        {Taken: true, Cut: true},
		"CutJSON":    {Status: 202, Body: `{"status":"suc`},
		"HTML":       {Status: 200, Body: "<html>a proxy's page</html>"},
		"Empty":      {Status: 202},
		"OtherJSON":  {Status: 202, Body: `{"status":"throttled"}`},
		"10MB":       {Status: 202, Bytes: 10 << 20},
		"LongSpace":  {Status: 202, Body: `{"status":"success"}` + strings.Repeat(" ", 64<<10)},
		"LongAnswer": {Status: 202, Body: `{"status":"success","message":"` + strings.Repeat("x", 64<<10) + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pd, pdServer := newPagerDuty(t, nil)
			pdServer.Order(fault)
			err := send(t, pd, alert(notify.Trigger))
			if _, ok := errors.AsType[*notify.RetryError](err); !ok {
				t.Errorf("PagerDuty: %v, want *RetryError", err)
			}
			if err := send(t, pd, alert(notify.Trigger)); err != nil || len(pdServer.Alerts()) != 1 {
				t.Errorf("PagerDuty, the next try: %v, %d alerts", err, len(pdServer.Alerts()))
			}
			hook, hookServer := newWebhook(t, nil)
			hookServer.Order(fault)
			if err := send(t, hook, alert(notify.Trigger)); err != nil {
				t.Errorf("webhook: %v", err)
			}
		})
	}
}

// TestSend_AnswerLost_NobodyIsToldTwice: the other side took the alert and its answer never came.
func TestSend_AnswerLost_NobodyIsToldTwice(t *testing.T) {
	t.Parallel()
	pd, pdServer := newPagerDuty(t, nil)
	hook, hookServer := newWebhook(t, nil)
	for _, r := range []struct {
		sender notify.Sender
		server *notifyfake.Server
	}{{pd, &pdServer.Server}, {hook, &hookServer.Server}} {
		r.server.Order(notifyfake.Fault{Taken: true, Reset: true})
		wantRetry(t, send(t, r.sender, alert(notify.Trigger)), 0, 0)
		if err := send(t, r.sender, alert(notify.Trigger)); err != nil {
			t.Errorf("%s: %v", r.sender.Name(), err)
		}
	}
	if got := pdServer.Alerts(); len(got) != 1 || len(got[0].Actions) != 2 {
		t.Errorf("PagerDuty paged for %v, want one alert that was triggered twice", got)
	}
	if got := hookServer.Deliveries(); len(got) != 1 || hookServer.Repeats() != 1 {
		t.Errorf("the webhook took %d and dropped %d, want 1 and 1", len(got), hookServer.Repeats())
	}
}

func TestSend_Stall_EndsAtTheTimeout(t *testing.T) {
	t.Parallel()
	pd, pdServer := newPagerDuty(t, func(c *notify.PagerDutyConfig) { c.Timeout = 50 * time.Millisecond })
	hook, hookServer := newWebhook(t, func(c *notify.WebhookConfig) { c.Timeout = 50 * time.Millisecond })
	pdServer.Order(notifyfake.Fault{Stall: true}, notifyfake.Fault{StallBody: true, Status: 202, Body: "{"}, notifyfake.Fault{StallBody: true, Status: 500})
	hookServer.Order(notifyfake.Fault{Stall: true})
	wantRetry(t, send(t, pd, alert(notify.Trigger)), 0, 0)
	wantRetry(t, send(t, pd, alert(notify.Trigger)), 0, 0)
	if text := wantRetry(t, send(t, pd, alert(notify.Trigger)), 500, 0); !strings.Contains(text, "answered 500") {
		t.Errorf("a stalled body hides the status: %s", text)
	}
	if text := wantRetry(t, send(t, hook, alert(notify.Trigger)), 0, 0); !strings.Contains(text, "no whole answer in time") {
		t.Errorf("got %s", text)
	}
	// The receiver took it and says so; what it does with the body is its own business.
	hookServer.Order(notifyfake.Fault{StallBody: true, Taken: true, Status: 200, Body: "x"})
	if err := send(t, hook, alert(notify.Trigger)); err != nil || len(hookServer.Deliveries()) != 1 {
		t.Errorf("got %v, %d taken", err, len(hookServer.Deliveries()))
	}
}

// TestSend_Stall_TenSecondsByDefault runs on a clock that nobody waits for.
func TestSend_Stall_TenSecondsByDefault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
		pd, err := notify.NewPagerDuty(notify.PagerDutyConfig{RoutingKey: routingKey, HTTPClient: client})
		if err != nil {
			t.Fatal(err)
		}
		before := time.Now()
		wantRetry(t, pd.Send(t.Context(), alert(notify.Trigger)), 0, 0)
		if took := time.Since(before); took != 10*time.Second {
			t.Errorf("it took %v, want 10s", took)
		}
	})
}

func TestSend_Cancelled_SaysSo(t *testing.T) {
	t.Parallel()
	for _, r := range receivers(t) {
		r.server.Order(notifyfake.Fault{Stall: true})
		ctx, cancel := context.WithCancel(t.Context())
		var sending sync.WaitGroup
		var err error
		sending.Go(func() { err = r.sender.Send(ctx, alert(notify.Trigger)) })
		if waited := r.server.Wait(t.Context(), 1); waited != nil {
			t.Fatal(waited)
		}
		cancel()
		sending.Wait()
		if !errors.Is(err, context.Canceled) || errors.Is(err, notify.ErrUnavailable) {
			t.Errorf("%s: %v, want context.Canceled and nobody else's fault", r.sender.Name(), err)
		}
		wantNoSecret(t, err.Error(), r.secret...)
	}
}

func TestSend_NoServer(t *testing.T) {
	t.Parallel()
	for _, r := range receivers(t) {
		closed(t, r.server.Close())
		text := wantRetry(t, send(t, r.sender, alert(notify.Trigger)), 0, 0)
		if !strings.Contains(text, "the connection was refused") {
			t.Errorf("got %s", text)
		}
		wantNoSecret(t, text, r.secret...)
	}
}

// TestSend_NotHTTP: net/http puts what the other side says into its error; it must not come out of ours.
func TestSend_NotHTTP(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{
		"Banner":  "SSH-2.0-CANARY\r\n",
		"Header":  "HTTP/1.1 200 OK\r\nCANARY\r\n\r\n",
		"Length":  "HTTP/1.1 200 OK\r\nContent-Length: CANARY\r\n\r\n",
		"Headers": "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("CANARY", 1<<16) + "\r\n\r\n",
		"Nothing": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var serving sync.WaitGroup
			serving.Go(func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = conn.Write([]byte(says))
				_ = conn.Close()
			})
			defer serving.Wait()
			defer listener.Close()
			hook, err := notify.NewWebhook(notify.WebhookConfig{URL: "http://" + listener.Addr().String() + "/" + notifyfake.Token, Secrets: []string{secretA}})
			if err != nil {
				t.Fatal(err)
			}
			err = send(t, hook, alert(notify.Trigger))
			wantRetry(t, err, 0, 0)
			wantNoSecret(t, fmt.Sprintf("%v %#v", err, err), notifyfake.Token, secretA)
		})
	}
}

// TestSend_BrokenConnections asks for the words of failures that a test cannot have of a real network, and that
// the texts of the errors stay inside.
func TestSend_BrokenConnections(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&net.DNSError{Err: "CANARY", Name: "CANARY", IsNotFound: true}, "its name is not in DNS"},
		{&net.DNSError{Err: "CANARY", IsTimeout: true}, "DNS does not say where it is"},
		{&tls.CertificateVerificationError{Err: errors.New("CANARY")}, "its certificate cannot be verified"},
		{tls.RecordHeaderError{Msg: "CANARY"}, "it does not speak TLS"},
		{fmt.Errorf("CANARY: %w", syscall.ECONNRESET), "the connection was reset"},
		{fmt.Errorf("CANARY: %w", syscall.ECONNREFUSED), "the connection was refused"},
		{fmt.Errorf("CANARY: %w", io.ErrUnexpectedEOF), "the connection ended before the answer did"},
		{fmt.Errorf("CANARY: %w", os.ErrDeadlineExceeded), "no whole answer in time"},
		{errors.New("CANARY"), "there is no connection, or no HTTP on it"},
	} {
		client := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, tt.err })}
		hook, err := notify.NewWebhook(notify.WebhookConfig{URL: "https://example.com/" + notifyfake.Token, Secrets: []string{secretA}, HTTPClient: client})
		if err != nil {
			t.Fatal(err)
		}
		err = send(t, hook, alert(notify.Trigger))
		if text := wantRetry(t, err, 0, 0); text != "webhook at example.com: "+tt.want {
			t.Errorf("got %q, want %q", text, tt.want)
		}
		wantNoSecret(t, fmt.Sprintf("%v %#v", err, err), notifyfake.Token)
		for inner := err; inner != nil; inner = errors.Unwrap(inner) {
			wantNoSecret(t, inner.Error(), notifyfake.Token)
		}
	}
}

func TestSend_UnknownCertificate(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	defer server.Close()
	pd, err := notify.NewPagerDuty(notify.PagerDutyConfig{RoutingKey: routingKey, URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if text := wantRetry(t, send(t, pd, alert(notify.Trigger)), 0, 0); !strings.Contains(text, "certificate cannot be verified") {
		t.Errorf("got %s", text)
	}
}

// TestSend_GivenClient_FollowsNoRedirectAndKeepsNoCookie: what a caller's client may do else, this it may not.
func TestSend_GivenClient_FollowsNoRedirectAndKeepsNoCookie(t *testing.T) {
	t.Parallel()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	hook, server := newWebhook(t, func(c *notify.WebhookConfig) { c.HTTPClient = client })
	server.Order(notifyfake.Fault{Status: http.StatusTemporaryRedirect, Location: server.URL()})
	at, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	jar.SetCookies(at, []*http.Cookie{{Name: "session", Value: "CANARY"}})
	wantRetry(t, send(t, hook, alert(notify.Trigger)), 307, 0)
	if server.Saw("CANARY") {
		t.Error("a cookie was sent")
	}
	if server.Requests() != 1 || client.CheckRedirect != nil || client.Jar == nil {
		t.Errorf("%d requests; the caller's client was changed: %t", server.Requests(), client.CheckRedirect != nil || client.Jar == nil)
	}
}

// TestWebhook_NoTime_IsTheTimeOfSending: what happened at no known time happened now.
func TestWebhook_NoTime_IsTheTimeOfSending(t *testing.T) {
	t.Parallel()
	hook, server := newWebhook(t, nil)
	a := alert(notify.Trigger)
	a.At = time.Time{}
	if err := send(t, hook, a); err != nil {
		t.Fatal(err)
	}
	if got := server.Deliveries()[0].Timestamp; !got.Equal(at) {
		t.Errorf("timestamp %v, want %v", got, at)
	}
}

func TestSend_MetadataService_IsNotCalled(t *testing.T) {
	t.Parallel()
	hook, err := notify.NewWebhook(notify.WebhookConfig{URL: "http://169.254.169.254/latest", Secrets: []string{secretA}, Plaintext: true})
	if err != nil {
		t.Fatal(err)
	}
	wantPermanent(t, send(t, hook, alert(notify.Trigger)), 0, "refused")
	public, server := newWebhook(t, func(c *notify.WebhookConfig) { c.PublicOnly = true })
	wantPermanent(t, send(t, public, alert(notify.Trigger)), 0, "refused")
	if server.Requests() != 0 {
		t.Error("a loopback address was called with PublicOnly")
	}
}

func TestSend_BadAlert_CallsNobody(t *testing.T) {
	t.Parallel()
	for _, r := range receivers(t) {
		err := send(t, r.sender, notify.Alert{Action: "CANARY-that-is-much-longer-than-it-may-be"})
		text := wantPermanent(t, err, 0, "invalid")
		if strings.Contains(text, "127.0.0.1") || strings.Contains(text, "\n") || r.server.Requests() != 0 {
			t.Errorf("%s, %d requests", text, r.server.Requests())
		}
	}
}

func TestSend_ManyAtOnce(t *testing.T) {
	t.Parallel()
	for _, r := range receivers(t) {
		var sending sync.WaitGroup
		for i := range 20 {
			sending.Go(func() {
				a := alert(notify.Trigger)
				a.Key = fmt.Sprintf("group:%d", i%10)
				if err := r.sender.Send(t.Context(), a); err != nil {
					t.Error(err)
				}
			})
		}
		sending.Wait()
		if r.taken() != 10 || r.server.Requests() != 20 {
			t.Errorf("%s: %d taken of %d requests, want 10 of 20", r.sender.Name(), r.taken(), r.server.Requests())
		}
	}
}
