package slackkit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

const canary = "xoxb-CANARY-0123456789"

// TestClient_EveryWayThatSlackFails sorts each failure into one of the two kinds, and no text of Slack's
// and no token into its words.
func TestClient_EveryWayThatSlackFails_IsSorted(t *testing.T) {
	t.Parallel()
	permanent := func(code string, kind problem.Kind) (slackfake.Fault, string, problem.Kind) {
		return slackfake.Refused(code), code, kind
	}
	type row struct {
		name  string
		fault slackfake.Fault
		code  string // of a PermanentError, "" for a RetryError
		kind  problem.Kind
		maybe bool
	}
	rows := []row{
		{name: "500 with a page", fault: slackfake.Broken(), maybe: true},
		{name: "503", fault: slackfake.Fault{Status: 503}, maybe: true},
		{name: "200 with a page", fault: slackfake.Fault{Body: "<html>" + canary}, maybe: true},
		{name: "404 with a page", fault: slackfake.Fault{Status: 404, Body: "<html>" + canary}, maybe: true},
		{name: "an empty answer", fault: slackfake.Fault{Status: 200}, maybe: true},
		{name: "half an answer", fault: slackfake.Fault{Cut: true}, maybe: true},
		{name: "10 MB", fault: slackfake.Fault{Bytes: 10 << 20}, maybe: true},
		{name: "reset", fault: slackfake.Fault{Reset: true}, maybe: true},
		{name: "ok without a place", fault: slackfake.Fault{Body: `{"ok":true}`}, maybe: true},
		{name: "not ok without a reason", fault: slackfake.Fault{Body: `{"ok":false}`}, maybe: true},
		{name: "null", fault: slackfake.Fault{Body: `{"ok":null,"error":null}`}, maybe: true},
		{name: "a list", fault: slackfake.Fault{Body: `{"ok":["` + canary + `"]}`}, maybe: true},
		{name: "a redirect", fault: slackfake.Fault{Status: 307, Body: `{}`}, maybe: true},
		{name: "internal_error", fault: slackfake.Refused("internal_error"), maybe: true},
		{name: "service_unavailable", fault: slackfake.Refused("service_unavailable"), maybe: true},
		{name: "a code that is none", fault: slackfake.Refused("<!channel> " + canary), code: "unreadable_code", kind: problem.Refused},
	}
	for code, kind := range map[string]problem.Kind{
		"channel_not_found": problem.NotFound, "message_not_found": problem.NotFound,
		"token_revoked": problem.NotAllowed, "invalid_auth": problem.NotAllowed, "account_inactive": problem.NotAllowed,
		"missing_scope": problem.NotAllowed, "not_in_channel": problem.Refused, "is_archived": problem.Refused,
		"msg_too_long": problem.Invalid, "invalid_blocks": problem.Invalid, "expired_trigger_id": problem.Conflict,
		"a_code_of_tomorrow": problem.Refused,
	} {
		fault, code, kind := permanent(code, kind)
		rows = append(rows, row{name: code, fault: fault, code: code, kind: kind})
	}
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := fake(t, slackfake.Config{Token: canary})
			s.Fail("chat.postMessage", tt.fault)
			_, err := client(t, s, nil).Post(t.Context(), "C0OPS", slackkit.Message{Text: "x"})
			if tt.code != "" {
				refusal, ok := errors.AsType[*slackkit.PermanentError](err)
				if !ok || refusal.Code != tt.code || problem.Of(err) != tt.kind {
					t.Fatalf("error %v (%s), want %s (%s)", err, problem.Of(err), tt.code, tt.kind)
				}
				if refusal.Advice() == "" {
					t.Error("nobody is told what to do")
				}
				return
			}
			retry, ok := errors.AsType[*slackkit.RetryError](err)
			if !ok || !errors.Is(err, slackkit.ErrUnavailable) || problem.Of(err) != problem.Unavailable {
				t.Fatalf("error %v (%s), want one that passes", err, problem.Of(err))
			}
			if retry.Maybe != tt.maybe || retry.Method != "chat.postMessage" {
				t.Errorf("%+v, want Maybe %v and the method", retry, tt.maybe)
			}
			if strings.Contains(err.Error(), canary) || strings.Contains(fmt.Sprintf("%+v", retry), canary) {
				t.Errorf("the error says %q", err)
			}
		})
	}
}

func TestClient_SlackStalls_TheCallEnds(t *testing.T) {
	t.Parallel()
	s := fake(t, slackfake.Config{})
	s.Fail("", slackfake.Fault{Stall: true}, slackfake.Fault{Stall: true})
	c := client(t, s, func(cfg *slackkit.Config) { cfg.Timeout = 20 * time.Millisecond })
	_, err := c.Post(t.Context(), "C0OPS", slackkit.Message{Text: "x"})
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, slackkit.ErrUnavailable) {
		t.Errorf("error %v, want a deadline that passes", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Post(ctx, "C0OPS", slackkit.Message{Text: "x"})
	if !errors.Is(err, context.Canceled) || problem.Of(err) != problem.Interrupted {
		t.Errorf("error %v (%s), want it interrupted", err, problem.Of(err))
	}
}

// TestClient_AnswerLost_MayHaveHappened shows what Maybe is for.
func TestClient_AnswerLost_MayHaveHappened(t *testing.T) {
	t.Parallel()
	s := fake(t, slackfake.Config{})
	s.Fail("chat.postMessage", slackfake.Fault{Reset: true, After: true})
	_, err := client(t, s, nil).Post(t.Context(), "C0OPS", slackkit.Message{Text: "x"})
	if retry, ok := errors.AsType[*slackkit.RetryError](err); !ok || !retry.Maybe {
		t.Fatalf("error %v, want Maybe", err)
	}
	if len(s.Messages("C0OPS")) != 1 {
		t.Error("the message is not there")
	}
}

func TestClient_BrokenMessages_AreRefusedAsSlackDoes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3001)
	button := func(id, label, value string) *slack.ButtonBlockElement {
		return slack.NewButtonBlockElement(id, value, slackkit.PlainText(label))
	}
	for name, tt := range map[string]struct {
		message slackkit.Message
		code    string
	}{
		"nothing to say":        {slackkit.Message{}, "no_text"},
		"41,000 letters":        {slackkit.Message{Text: strings.Repeat("x", 41000)}, "msg_too_long"},
		"a long section":        {slackkit.Message{Blocks: []slack.Block{section(long)}}, "invalid_blocks"},
		"a long header":         {slackkit.Message{Blocks: []slack.Block{slack.NewHeaderBlock(slackkit.PlainText(long[:151]))}}, "invalid_blocks"},
		"51 blocks":             {slackkit.Message{Blocks: make51()}, "invalid_blocks"},
		"a long field":          {slackkit.Message{Blocks: []slack.Block{slack.NewSectionBlock(nil, []*slack.TextBlockObject{slackkit.Mrkdwn(long[:2001])}, nil)}}, "invalid_blocks"},
		"a long button":         {slackkit.Message{Blocks: []slack.Block{slack.NewActionBlock("a", button("q:x", long[:76], "v"))}}, "invalid_blocks"},
		"a long value":          {slackkit.Message{Blocks: []slack.Block{slack.NewActionBlock("a", button("q:x", "X", long[:2001]))}}, "invalid_blocks"},
		"two actions of one id": {slackkit.Message{Blocks: []slack.Block{slack.NewActionBlock("a", button("q:x", "X", "v"), button("q:x", "Y", "w"))}}, "invalid_blocks"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := client(t, fake(t, slackfake.Config{}), nil).Post(t.Context(), "C0OPS", tt.message)
			if refusal, ok := errors.AsType[*slackkit.PermanentError](err); !ok || refusal.Code != tt.code {
				t.Errorf("error %v, want %s", err, tt.code)
			}
		})
	}
}

func make51() []slack.Block {
	var blocks []slack.Block
	for range 51 {
		blocks = append(blocks, slack.NewDividerBlock())
	}
	return blocks
}

func TestClient_Token_IsNeverShown(t *testing.T) {
	t.Parallel()
	cfg := slackkit.Config{Token: canary, APIURL: "http://127.0.0.1:1/api"}
	c, err := slackkit.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	v, err := slackkit.NewVerifier([]string{canary}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, gone := c.Post(t.Context(), "C0OPS", slackkit.Message{Text: "x"})
	socket := slackkit.SocketConfig{AppToken: canary, Team: "T0FAKE", Client: c}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("set up", "socket", socket, "client", cfg)
	for _, shown := range []string{
		fmt.Sprintf("%v %+v %#v %s", socket, socket, socket, socket), fmt.Sprintf("%v %+v %#v", &socket, &socket, []slackkit.SocketConfig{socket}),
		socket.LogValue().String(), logged.String(),
		fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg), fmt.Sprintf("%v %+v %#v", c, c, c), fmt.Sprintf("%v %+v %#v", v, v, v),
		fmt.Sprintf("%v %+v", gone, gone), cfg.LogValue().String(), c.LogValue().String(), v.LogValue().String(),
	} {
		if strings.Contains(shown, canary) || strings.Contains(shown, fmt.Sprint([]byte(canary))) {
			t.Errorf("shown: %s", shown)
		}
	}
}

func TestNew_BadConfigs_AreRefused(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]slackkit.Config{
		"no token":             {},
		"a token of two lines": {Token: "xoxb\r\nHost: evil"},
		"no address":           {Token: "t", APIURL: "::"},
		"a file":               {Token: "t", APIURL: "file:///etc/passwd"},
		"a user":               {Token: "t", APIURL: "https://user:" + canary + "@slack.com/api/"},
		"a query":              {Token: "t", APIURL: "https://slack.com/api/?x=1"},
		"a negative pause":     {Token: "t", PerChannel: -1},
	} {
		if _, err := slackkit.New(cfg); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestClient_Respond_GoesToSlackOnly(t *testing.T) {
	t.Parallel()
	s := fake(t, slackfake.Config{})
	c := client(t, s, nil)
	for _, address := range []string{
		"", "http://169.254.169.254/latest/meta-data/", "http://hooks.slack.com/actions/x", "https://hooks.slack.com.evil.example/x",
		"https://hooks.slack.com@evil.example/x", "https://evil.example/hooks.slack.com", "https://hooks.slack.com:8080/x", "//hooks.slack.com/x",
		"file:///etc/passwd", "https://user@hooks.slack.com/x", "https:hooks.slack.com/x", "http://localhost:1/x", "https://slack.com.evil/x",
		strings.Replace(s.URL(), "http:", "https:", 1) + "x", "gopher://" + strings.TrimPrefix(s.URL(), "http://"), "http://127.0.0.1/", "\x00",
	} {
		err := c.Respond(t.Context(), address, "text", false)
		refusal, ok := errors.AsType[*slackkit.PermanentError](err)
		if !ok || refusal.Code != "address_not_allowed" {
			t.Errorf("%q: error %v, want it refused", address, err)
		}
	}
	if calls := s.Calls(); len(calls) != 0 {
		t.Errorf("%d calls were made", len(calls))
	}
	err := c.Respond(t.Context(), s.URL()+"response/unknown", "text", false)
	if refusal, ok := errors.AsType[*slackkit.PermanentError](err); !ok || refusal.Code != "expired_url" {
		t.Errorf("error %v, want expired_url", err)
	}
}

// TestClient_Redirect_IsNotFollowed keeps the token from whoever the redirect names.
func TestClient_Redirect_IsNotFollowed(t *testing.T) {
	t.Parallel()
	followed := make(chan string, 10)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { followed <- r.Header.Get("Authorization") }))
	defer other.Close()
	away := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer away.Close()
	c, err := slackkit.New(slackkit.Config{Token: canary, APIURL: away.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Post(t.Context(), "C0OPS", slackkit.Message{Text: "x"}); !errors.Is(err, slackkit.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	if len(followed) > 0 {
		t.Errorf("the redirect was followed with %q", <-followed)
	}
}
