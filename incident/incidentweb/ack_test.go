package incidentweb_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentweb"
)

// paged declares an incident that pages ana and returns a link of hers.
func (b *bundle) paged(body string) incidentweb.AckLink {
	b.Helper()
	made := b.want(http.StatusCreated, create(b.token(incident.Admin), "k", body))
	id, _ := made["id"].(string)
	inc, err := b.svc.Do(b.Context(), id, incident.Actor{Kind: incident.ByWorkflow, ID: "test"},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Escalate(act, incident.EscalateParams{People: []string{"ana", "ben"}, Reason: "orders <stopped>"})
		})
	if err != nil || len(inc.Escalations) == 0 {
		b.Fatalf("%d escalations, %v", len(inc.Escalations), err)
	}
	e := inc.Escalations[len(inc.Escalations)-1]
	return incidentweb.AckLink{Incident: id, Escalation: e.ID, Person: "ana", Expires: start.Add(time.Hour)}
}

// open opens a link, press submits its form.
func (b *bundle) open(path string) *httptest.ResponseRecorder {
	return b.do(ask{method: http.MethodGet, path: path})
}

func (b *bundle) press(path string, header ...string) *httptest.ResponseRecorder {
	address, query, _ := strings.Cut(path, "?")
	values, _ := url.ParseQuery(query)
	return b.do(ask{method: http.MethodPost, path: address, body: values.Encode(),
		header: append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)})
}

func (b *bundle) escalation(link incidentweb.AckLink) incident.Escalation {
	b.Helper()
	inc, err := b.memory.Get(b.Context(), link.Incident)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range inc.Escalations {
		if e.ID == link.Escalation {
			return e
		}
	}
	b.Fatal("the escalation is gone")
	return incident.Escalation{}
}

func TestAck_GetShowsPostActs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	link := b.paged(`{"name":"<script>alert(1)</script>","severity":"minor"}`)
	path := link.Path(ackKey)
	for range 3 {
		w := b.open(path)
		page := w.Body.String()
		if w.Code != http.StatusOK || !strings.Contains(page, "I have it") || !strings.Contains(page, "orders &lt;stopped&gt;") {
			t.Fatalf("%d: %s", w.Code, page)
		}
		if strings.Contains(page, "<script") {
			t.Errorf("the page has a script: %s", page)
		}
		if e := b.escalation(link); e.State != incident.Paging {
			t.Fatalf("looking made it %s", e.State)
		}
	}
	if w := b.press(path); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "You have it") || strings.Contains(w.Body.String(), "<form") {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	e := b.escalation(link)
	if e.State != incident.Acked || e.AckedBy == nil || e.AckedBy.ID != "ana" || e.AckedBy.Kind != incident.ByPerson {
		t.Errorf("it is %+v", e)
	}
	if w := b.press(path); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "You have it") {
		t.Errorf("pressed again: %d: %s", w.Code, w.Body)
	}
	link.Person = "ben"
	if w := b.open(link.Path(ackKey)); !strings.Contains(w.Body.String(), "ana has it") || !strings.Contains(w.Body.String(), "I am here too") {
		t.Errorf("ben sees %s", w.Body)
	}
	b.press(link.Path(ackKey))
	if e := b.escalation(link); e.AckedBy.ID != "ana" || len(e.Also) != 1 || e.Also[0].ID != "ben" {
		t.Errorf("it is %+v", e)
	}
}

// TestAck_Forged changes each part of a link, each character of its text, and the key.
func TestAck_Forged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	link := b.paged(`{"name":"x"}`)
	good := link.Path(ackKey)
	refused := func(what, path string) {
		t.Helper()
		if w := b.open(path); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "does not work") {
			t.Errorf("%s is shown: %d", what, w.Code)
		}
		if w := b.press(path); w.Code != http.StatusForbidden {
			t.Errorf("%s is taken: %d", what, w.Code)
		}
	}
	at := strings.Index(good, "?t=") + 3
	for i := at; i < len(good); i++ {
		other := byte('A')
		if good[i] == other {
			other = 'B'
		}
		if i == len(good)-1 { // of the last character some bits are not used
			continue
		}
		refused("a changed character", good[:i]+string(other)+good[i+1:])
	}
	refused("another key", link.Path([]byte("another key of at least 32 bytes!")))
	refused("another escalation", strings.Replace(good, link.Escalation, link.Escalation+"x", 1))
	refused("nothing", "/ack/"+link.Escalation)
	refused("a long text", "/ack/"+link.Escalation+"?t="+strings.Repeat("A", 3000)+".AAAA")
	expired := link
	expired.Expires = start
	refused("an expired link", expired.Path(ackKey))
	if e := b.escalation(link); e.State != incident.Paging {
		t.Errorf("it is %s", e.State)
	}
	b.clock.Set(start.Add(time.Hour))
	refused("the link an hour later", good)
}

func TestAck_Keys(t *testing.T) {
	t.Parallel()
	older := []byte("an older key that is 32 bytes long")
	b := setup(t, func(o *incidentweb.Options) { o.AckKeys = append(o.AckKeys, older) })
	link := b.paged(`{"name":"x"}`)
	if w := b.open(link.Path(older)); w.Code != http.StatusOK {
		t.Errorf("a link of the older key: %d", w.Code)
	}
	none := setup(t, func(o *incidentweb.Options) { o.AckKeys = nil })
	if w := none.open(link.Path(nil)); w.Code != http.StatusForbidden {
		t.Errorf("without keys a link of no key: %d", w.Code)
	}
	if _, err := incidentweb.New(b.svc, incidentweb.Options{AckKeys: [][]byte{make([]byte, 31)}}); err == nil {
		t.Error("a key of 31 bytes is taken")
	}
}

func TestAck_CrossSite(t *testing.T) {
	t.Parallel()
	b := setup(t)
	link := b.paged(`{"name":"x"}`)
	if w := b.press(link.Path(ackKey), "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"); w.Code != http.StatusForbidden {
		t.Errorf("another site presses the button: %d", w.Code)
	}
	if e := b.escalation(link); e.State != incident.Paging {
		t.Errorf("it is %s", e.State)
	}
}

func TestAck_People(t *testing.T) {
	t.Parallel()
	b := setup(t)
	link := b.paged(`{"name":"x"}`)
	ana := incident.Person{ID: "ana", Name: "Ana <A>", Role: incident.Responder, Gone: start.Add(-time.Hour)}
	if err := b.memory.SavePerson(t.Context(), ana); err != nil {
		t.Fatal(err)
	}
	if w := b.press(link.Path(ackKey)); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "has left") {
		t.Errorf("a leaver: %d %s", w.Code, w.Body)
	}
	ana.Gone = time.Time{}
	if err := b.memory.SavePerson(t.Context(), ana); err != nil {
		t.Fatal(err)
	}
	b.press(link.Path(ackKey))
	if e := b.escalation(link); e.AckedBy == nil || e.AckedBy.Name != "Ana <A>" {
		t.Errorf("it is %+v", e)
	}
	link.Person = "ben"
	if w := b.open(link.Path(ackKey)); !strings.Contains(w.Body.String(), "Ana &lt;A&gt; has it") {
		t.Errorf("ben sees %s", w.Body)
	}
}

func TestAck_Over(t *testing.T) {
	t.Parallel()
	b := setup(t)
	link := b.paged(`{"name":"x"}`)
	path := link.Path(ackKey)
	b.want(http.StatusOK, ask{method: "POST", path: "/v1/incidents/INC-1/resolve", token: b.token(incident.Responder)})
	if w := b.open(path); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "<form") || !strings.Contains(w.Body.String(), "has ended") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	if w := b.press(path); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "cannot be answered") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	b.memory.Fail(errDown)
	if w := b.press(path); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "password") || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

// TestAck_Private: a link goes where others read along, so that the page of a private incident has its number
// only, whether its person takes part or not.
func TestAck_Private(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.people("ana")
	link := b.paged(`{"name":"canary","visibility":"private","lead":"ana","severity":"critical"}`)
	inc, err := b.memory.Get(t.Context(), link.Incident)
	if err != nil || inc.Lead() != "ana" {
		t.Fatalf("%s leads: %v", inc.Lead(), err)
	}
	hidden := func(page string) bool {
		return !strings.Contains(page, "canary") && !strings.Contains(page, "critical") && !strings.Contains(page, "orders")
	}
	if page := b.open(link.Path(ackKey)).Body.String(); !hidden(page) || !strings.Contains(page, "I have it") || !strings.Contains(page, "a private incident") {
		t.Errorf("the page: %s", page)
	}
	if page := b.press(link.Path(ackKey)).Body.String(); !hidden(page) || !strings.Contains(page, "You have it") {
		t.Errorf("the page after it: %s", page)
	}
}

// TestAck_Headers: the page's own style is allowed by its digest, and nothing else is.
func TestAck_Headers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, w := range []*httptest.ResponseRecorder{b.open(b.paged(`{"name":"x"}`).Path(ackKey)), b.open("/ack/x?t=x")} {
		wantPageHeaders(t, w)
	}
}

func wantPageHeaders(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	_, rest, _ := strings.Cut(w.Body.String(), "<style>")
	style, _, ok := strings.Cut(rest, "</style>")
	if !ok {
		t.Fatalf("no style: %s", w.Body)
	}
	sum := sha256.Sum256([]byte(style))
	csp := w.Header().Get("Content-Security-Policy")
	for _, part := range []string{
		"default-src 'none'", "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'", "form-action 'self'",
		"base-uri 'none'", "frame-ancestors 'none'",
	} {
		if !strings.Contains(csp, part) {
			t.Errorf("%q is not in %q", part, csp)
		}
	}
	for name, want := range map[string]string{
		"Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		"Cross-Origin-Opener-Policy": "same-origin", "X-Robots-Tag": "noindex",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestAck_OneOfTwo: nobody is told that the paging is over while another escalation goes on.
func TestAck_OneOfTwo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	link := b.paged(`{"name":"x"}`)
	inc, err := b.svc.Do(t.Context(), link.Incident, incident.Actor{Kind: incident.ByWorkflow, ID: "test"},
		func(inc *incident.Incident, act incident.Act) ([]incident.Event, error) {
			return inc.Escalate(act, incident.EscalateParams{People: []string{"cleo"}, Reason: "the bank"})
		})
	if err != nil {
		t.Fatal(err)
	}
	w := b.press(link.Path(ackKey))
	if page := w.Body.String(); w.Code != http.StatusOK || strings.Contains(page, "Nobody else") || !strings.Contains(page, "You have it. The incident still pages people") {
		t.Errorf("%d: %s", w.Code, page)
	}
	link.Escalation, link.Person = inc.Escalations[len(inc.Escalations)-1].ID, "cleo"
	if w := b.press(link.Path(ackKey)); !strings.Contains(w.Body.String(), "You have it. Nobody else is paged.") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

// TestAck_BrowserOverPlainHTTP: where the address has no TLS a browser sends no Sec-Fetch-Site, and what it
// sends as Origin follows from the policy for referrers of the page that has the form: "null" for
// no-referrer (Fetch, "append a request Origin header"), which is the origin of no site.
func TestAck_BrowserOverPlainHTTP(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := b.paged(`{"name":"x"}`).Path(ackKey)
	origin := "http://example.com" // httptest's host
	switch policy := b.open(path).Header().Get("Referrer-Policy"); policy {
	case "no-referrer":
		origin = "null"
	case "same-origin", "strict-origin":
	default:
		t.Fatalf("the page, whose address is a secret, has the policy %q", policy)
	}
	if w := b.press(path, "Origin", origin); w.Code != http.StatusOK {
		t.Errorf("the button is answered with %d: %s", w.Code, w.Body)
	}
	if w := b.press(path, "Origin", "http://evil.example"); w.Code != http.StatusForbidden {
		t.Errorf("another site's button is answered with %d", w.Code)
	}
}

// TestAck_TryAgain: what may go better the next time says so, and has the button for it.
func TestAck_TryAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	link := b.paged(`{"name":"x"}`)
	again := func(what string, status int) {
		t.Helper()
		w := b.press(link.Path(ackKey))
		_, t1, _ := strings.Cut(link.Path(ackKey), "?t=")
		if page := w.Body.String(); w.Code != status || !strings.Contains(page, "Try again") || !strings.Contains(page, t1) || strings.Contains(page, "any more") {
			t.Errorf("%s: %d: %s", what, w.Code, page)
		}
	}
	b.store.lost.Store(true)
	again("lost races", http.StatusConflict)
	b.store.lost.Store(false)
	b.memory.Fail(incident.ErrUnavailable)
	again("no store", http.StatusServiceUnavailable)
	b.memory.Fail(nil)
	if w := b.press(link.Path(ackKey)); w.Code != http.StatusOK {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}
