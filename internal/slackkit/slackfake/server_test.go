package slackfake_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// newApp is an app that answers clicks with what answer says, and returns its address.
func newApp(t *testing.T, answer func(payload []byte) string) string {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, answer([]byte(r.PostFormValue("payload"))))
	}))
	t.Cleanup(app.Close)
	return app.URL
}

// parse reads a payload as the library does.
func parse(t *testing.T, payload []byte) slack.InteractionCallback {
	t.Helper()
	var click slack.InteractionCallback
	if err := json.Unmarshal(payload, &click); err != nil {
		t.Fatal(err)
	}
	return click
}

// post writes a message with a button, one that asks first, and a menu.
func post(t *testing.T, c *slack.Client) string {
	t.Helper()
	plain := func(text string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
	}
	mrkdwn := func(text string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.MarkdownType, text, false, false)
	}
	replay := slack.NewButtonBlockElement("q:replay", "v1:Q-7F3K:8", plain("Replay one")).WithConfirm(slack.NewConfirmationBlockObject(
		plain("Replay Q-7F3K?"), plain("Runs alone in the ward."), plain("Replay"), plain("Cancel")))
	_, ts, err := c.PostMessageContext(t.Context(), "C0OPS", slack.MsgOptionText("CONTAINED orders: 1 message held", false), slack.MsgOptionBlocks(
		slack.NewHeaderBlock(plain("CONTAINED  orders: 1 worker died, 1 message held")),
		slack.NewSectionBlock(nil, []*slack.TextBlockObject{mrkdwn("*Entry*\nQ-7F3K"), mrkdwn("*What*\nnil pointer &lt;dereference&gt;")}, nil),
		slack.NewActionBlock("acts:12", slack.NewButtonBlockElement("q:take", "v1", plain("I have it")).WithStyle(slack.StylePrimary), replay,
			slack.NewOverflowBlockElement("q:more", slack.NewOptionBlockObject("snooze-1h", plain("Snooze 1 h"), nil))),
		slack.NewContextBlock("", mrkdwn("`theriac why Q-7F3K`  |  first seen 03:02:11Z")),
	))
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

// answered is what came back.
type answered struct {
	status int
	header http.Header
	body   string
}

func get(t *testing.T, address string, change func(*http.Request)) answered {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, r, change)
}

func do(t *testing.T, r *http.Request, change func(*http.Request)) answered {
	t.Helper()
	if change != nil {
		change(r)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	c := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{resp.StatusCode, resp.Header, string(body)}
}

func TestPage_ShowsWhatThereIs(t *testing.T) {
	t.Parallel()
	s := start(t, slackfake.Config{})
	c := library(t, s)
	post(t, c)
	if _, _, err := c.PostMessageContext(t.Context(), "C0OPS", slack.MsgOptionText("<script>alert(1)</script> <!channel> <javascript:alert(1)|x>", false)); err != nil {
		t.Fatal(err)
	}
	got := get(t, s.URL(), nil)
	resp, body := got, got.body
	if resp.status != http.StatusOK || !strings.HasPrefix(resp.header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'") {
		t.Errorf("status %d, policy %q", resp.status, resp.header.Get("Content-Security-Policy"))
	}
	for _, want := range []string{"CONTAINED  orders: 1 worker died", "<b>Entry</b>", "nil pointer &lt;dereference&gt;", "I have it", "Replay Q-7F3K?", "Snooze 1 h", "Calls !channel"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	for _, bad := range []string{"<script>alert", `href="javascript`, "style=", "onclick"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	for _, name := range []string{"page.css", "page.js", "version"} {
		if resp := get(t, s.URL()+name, nil); resp.status != http.StatusOK || resp.body == "" {
			t.Errorf("%s: status %d", name, resp.status)
		}
	}
}

func TestPage_Press_IsTheUsers(t *testing.T) {
	t.Parallel()
	var payload []byte
	s := start(t, slackfake.Config{})
	s.SetRequestURL(newApp(t, func(body []byte) string { payload = body; return "" }))
	ts := post(t, library(t, s))
	press := func(change func(*http.Request)) answered {
		form := url.Values{"channel": {"C0OPS"}, "ts": {ts}, "action": {"q:more"}, "value": {"snooze-1h"}, "as": {"U0BEN"}}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"press", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return do(t, r, change)
	}
	for name, change := range map[string]func(*http.Request){
		"another site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"another name": func(r *http.Request) { r.Host = "evil.example" },
	} {
		if resp := press(change); resp.status/100 != 4 || payload != nil {
			t.Errorf("%s: status %d", name, resp.status)
		}
	}
	if resp := press(nil); resp.status != http.StatusSeeOther || strings.Contains(resp.header.Get("Location"), "said") {
		t.Errorf("status %d to %s", resp.status, resp.header.Get("Location"))
	}
	if click := parse(t, payload); click.User.ID != "U0BEN" || click.ActionCallback.BlockActions[0].SelectedOption.Value != "snooze-1h" {
		t.Errorf("click %+v", click)
	}
	payload = nil
	press(func(r *http.Request) { // as a browser sends it
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Origin", strings.TrimSuffix(s.URL(), "/"))
	})
	if payload == nil {
		t.Error("a click in a browser was refused")
	}
	s.SetRequestURL("")
	if resp := press(nil); !strings.Contains(resp.header.Get("Location"), "no+app+is+connected") {
		t.Errorf("a click that nobody took leads to %s", resp.header.Get("Location"))
	}
}

func TestPage_CommandAndModal_AreTheUsers(t *testing.T) {
	t.Parallel()
	var bodies []url.Values
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		bodies = append(bodies, r.PostForm)
	}))
	defer app.Close()
	s := start(t, slackfake.Config{RequestURL: app.URL})
	c := library(t, s)
	send := func(path string, form url.Values) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return do(t, r, nil).header.Get("Location")
	}
	send("command", url.Values{"channel": {"C0OPS"}, "as": {"U0BEN"}, "typed": {"/theriac why Q-7F3K"}})
	if len(bodies) != 1 || bodies[0].Get("command") != "/theriac" || bodies[0].Get("text") != "why Q-7F3K" || bodies[0].Get("user_id") != "U0BEN" {
		t.Fatalf("command %v", bodies)
	}
	if to := send("command", url.Values{"channel": {"C0OPS"}, "as": {"U0BEN"}, "typed": {"hello"}}); strings.Contains(to, "said") {
		t.Errorf("talk leads to %s", to)
	}
	if said := s.Messages("C0OPS"); len(said) != 1 || said[0].User != "U0BEN" || said[0].Text != "hello" {
		t.Errorf("said %+v", said)
	}
	plain := func(text string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
	}
	view := slack.ModalViewRequest{Type: slack.VTModal, Title: plain("Why"), Submit: plain("Go"), Blocks: slack.Blocks{
		BlockSet: []slack.Block{slack.NewInputBlock("why", plain("Reason"), nil, slack.NewPlainTextInputBlockElement(nil, "r"))}}}
	if _, err := c.OpenViewContext(t.Context(), bodies[0].Get("trigger_id"), view); err != nil {
		t.Fatal(err)
	}
	id := s.Views()[0].ID
	if got := get(t, s.URL()+"?as=U0BEN", nil); !strings.Contains(got.body, `name="value:why"`) {
		t.Error("the modal is not on the page of whom it is for")
	}
	if got := get(t, s.URL()+"?as=U0ANA", nil); strings.Contains(got.body, `name="value:why"`) {
		t.Error("the modal is on the page of somebody else")
	}
	send("submit", url.Values{"view": {id}, "as": {"U0BEN"}, "value:why": {"because"}})
	if len(bodies) != 2 || !strings.Contains(bodies[1].Get("payload"), "because") || len(s.Views()) != 0 {
		t.Errorf("submission %v, %d modals left", bodies[1:], len(s.Views()))
	}
}

func TestStart_NotThisMachine_IsRefused(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{":0", "0.0.0.0:0", "192.0.2.1:80", "example.com:80", "127.0.0.1"} {
		if s, err := slackfake.Start(t.Context(), slackfake.Config{Addr: addr}); err == nil {
			_ = s.Close()
			t.Errorf("%q was taken", addr)
		}
	}
}

func TestServer_Tokens(t *testing.T) {
	t.Parallel()
	s := start(t, slackfake.Config{})
	call := func(method, token string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.APIURL()+method, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		got := do(t, r, func(r *http.Request) {
			if token != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
		})
		var said struct{ Error string }
		_ = json.Unmarshal([]byte(got.body), &said)
		return said.Error
	}
	for _, tt := range []struct{ method, token, want string }{
		{"auth.test", "", "not_authed"}, {"auth.test", "xoxb-wrong", "invalid_auth"}, {"auth.test", s.AppToken(), "not_allowed_token_type"},
		{"apps.connections.open", s.Token(), "not_allowed_token_type"}, {"apps.connections.open", s.AppToken(), ""}, {"auth.test", s.Token(), ""},
		{"chat.tomorrow", s.Token(), "unknown_method"},
	} {
		if got := call(tt.method, tt.token); got != tt.want {
			t.Errorf("%s with %q: %q, want %q", tt.method, tt.token, got, tt.want)
		}
	}
	s.Revoke(true)
	if got := call("auth.test", s.Token()); got != "token_revoked" {
		t.Errorf("revoked: %q", got)
	}
}

func TestServer_MemoryIsBounded(t *testing.T) {
	t.Parallel()
	s := start(t, slackfake.Config{})
	c := library(t, s)
	var first string
	for i := range 210 {
		_, ts, err := c.PostMessageContext(t.Context(), "C0OPS", slack.MsgOptionText(strings.Repeat("x", 20000), false))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = ts
		}
	}
	if n := len(s.Messages("C0OPS")); n != 200 {
		t.Errorf("%d messages are kept, want 200", n)
	}
	if _, ok := s.Message("C0OPS", first); ok {
		t.Error("the first message is still there")
	}
	for _, call := range s.Calls() {
		if len(call.Body) > 16<<10 {
			t.Fatalf("%d bytes of a call are kept", len(call.Body))
		}
	}
}

func TestServer_ResponseAddress_WorksFiveTimes(t *testing.T) {
	t.Parallel()
	var payload []byte
	s := start(t, slackfake.Config{})
	s.SetRequestURL(newApp(t, func(body []byte) string { payload = body; return "" }))
	ts := post(t, library(t, s))
	if err := s.Press(t.Context(), "C0OPS", ts, "q:take", "U0ANA"); err != nil {
		t.Fatal(err)
	}
	address := parse(t, payload).ResponseURL
	for i := range 6 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, bytes.NewReader([]byte(`{"text":"x","replace_original":true}`)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if resp := do(t, r, nil); (resp.status == http.StatusOK) != (i < 5) {
			t.Errorf("use %d: status %d", i, resp.status)
		}
	}
	if m, _ := s.Message("C0OPS", ts); m.Text != "x" || m.Edits != 5 {
		t.Errorf("message %+v, want it replaced", m)
	}
}

func TestServer_AppDoesNotAnswer_IsSeenByThePerson(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	defer app.Close()
	s := start(t, slackfake.Config{RequestURL: app.URL})
	ts := post(t, library(t, s))
	if err := s.Press(t.Context(), "C0OPS", ts, "q:take", "U0ANA"); !errors.Is(err, slackfake.ErrUnanswered) {
		t.Errorf("error %v", err)
	}
	for _, bad := range [][2]string{{"q:none", "U0ANA"}, {"q:take", "U0NOBODY"}} {
		if err := s.Press(t.Context(), "C0OPS", ts, bad[0], bad[1]); err == nil || errors.Is(err, slackfake.ErrUnanswered) {
			t.Errorf("%v: error %v", bad, err)
		}
	}
}

func TestMessage_Mentions_AreFoundWhereSlackWouldCall(t *testing.T) {
	t.Parallel()
	m := slackfake.Message{
		Text: "<!channel> &lt;!here&gt; `<@U1>` <https://x|y>",
		Blocks: json.RawMessage(`[{"type":"section","text":{"type":"mrkdwn","text":"<@U2|ana>"}},{"type":"header","text":{"type":"plain_text","text":"<@U3>"}},
			{"type":"context","elements":[{"type":"mrkdwn","text":"<#C1>"}]}]`),
	}
	got := m.Mentions()
	slices.Sort(got)
	if !slices.Equal(got, []string{"!channel", "#C1", "ana"}) {
		t.Errorf("mentions %q", got)
	}
}

// FuzzCalls throws anything at the methods that read most, and looks at the page after it.
func FuzzCalls(f *testing.F) {
	s, err := slackfake.Start(f.Context(), slackfake.Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	for _, seed := range []string{
		`{"channel":"C0OPS","text":"<!channel> *a* ` + "`b`" + `"}`, `{"channel":"C0OPS","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"<|>"}}]}`,
		`{"channel":"C0OPS","blocks":[{"type":"actions","elements":[{"type":"button","action_id":"a","text":{"type":"plain_text","text":"x"}}]}]}`,
		`{"channel":"C0OPS","blocks":[null]}`, `{"channel":"C0OPS","text":1,"blocks":"[{}]"}`, `[]`, `null`,
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(url.Values{"channel": {"C0OPS"}, "blocks": {seed}}.Encode()), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, isJSON bool) {
		r := httptest.NewRequest(http.MethodPost, "/api/chat.postMessage", bytes.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+s.Token())
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if isJSON {
			r.Header.Set("Content-Type", "application/json")
		}
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, r)
		if !json.Valid(rec.Body.Bytes()) {
			t.Errorf("answer %q", rec.Body)
		}
		look := httptest.NewRequest(http.MethodGet, s.URL(), nil)
		rec = httptest.NewRecorder()
		s.ServeHTTP(rec, look)
		if rec.Code != http.StatusOK {
			t.Errorf("the page has status %d", rec.Code)
		}
	})
}

// call calls a method with a body as it is.
func call(t *testing.T, s *slackfake.Server, method, kind, body string) answered {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.APIURL()+method, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Authorization", "Bearer "+s.Token())
	return do(t, r, nil)
}
