package slackfake_test

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	ok(t, path, os.WriteFile(path, []byte(content), 0o600))
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	ok(t, path, err)
	return string(data)
}

// submit sends a form of the page, and returns where it leads.
func submit(t *testing.T, s *slackfake.Server, path string, fields ...string) string {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+path, strings.NewReader(form.Encode()))
	ok(t, path, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return do(t, r, nil).header.Get("Location")
}

func TestPage_Channel_ShowsWhatIsAboveItAsText(t *testing.T) {
	t.Parallel()
	const evil = "<script>alert(1)</script>"
	s := start(t, slackfake.Config{
		Shortcuts: []slackfake.Shortcut{{CallbackID: "inc:pin", Name: "Add to timeline", Message: true}, {CallbackID: "inc:new", Name: "Declare " + evil}},
		Channels: []slackfake.Channel{
			{ID: "C1", Name: "inc-1", Topic: "Fixing " + evil, Purpose: "INC-1 " + evil, Members: []string{"U0ANA", evil},
				Bookmarks: []slackfake.Bookmark{{Title: "Incident " + evil, Link: "https://ops.example.com/i/1"}, {Title: "x", Link: "javascript:alert(1)"}}},
			{ID: "C2", Name: "inc-old", Archived: true},
			{ID: "C3", Name: "inc-secret", Private: true, Members: []string{"U0BEN"}},
		}})
	ts, err := s.Say("C1", "", "U0BEN", "it was "+evil)
	ok(t, "say", err)
	ok(t, "react", s.React("C1", ts, "U0ANA", evil))
	body := get(t, s.URL()+"?channel=C1&as=U0ANA", nil).body
	for _, want := range []string{"inc-1", "Fixing ", "INC-1", "ana", "Incident ", "https://ops.example.com/i/1", "inc-old</a> archived", "it was", "Add to timeline", "Declare", `value="pin"`, "<header>ben", " UTC</span>"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	for _, bad := range []string{evil, `href="javascript`, "inc-secret"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if body := get(t, s.URL()+"?channel=C3&as=U0BEN", nil).body; !strings.Contains(body, "(private) # inc-secret") || !strings.Contains(body, "1 member:") {
		t.Error("a private channel is not shown to its member")
	}
}

// A person's talk with the app is listed as that, and one edit is no "1 times".
func TestPage_ReadsAsPeopleSpeak(t *testing.T) {
	t.Parallel()
	s := start(t, slackfake.Config{})
	c := library(t, s)
	talk, _, _, err := c.OpenConversationContext(t.Context(), &slack.OpenConversationParameters{Users: []string{"U0ANA"}})
	ok(t, "open", err)
	_, ts, err := c.PostMessageContext(t.Context(), talk.ID, slack.MsgOptionText("you are called", false))
	ok(t, "post", err)
	_, _, _, err = c.UpdateMessageContext(t.Context(), talk.ID, ts, slack.MsgOptionText("somebody answered", false))
	ok(t, "edit", err)
	body := get(t, s.URL()+"?as=U0ANA&channel="+talk.ID, nil).body
	for _, want := range []string{">To you</a>", "<h2>To you</h2>", "(edited)"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
}

func TestPage_Do_IsWhatThePersonDoes(t *testing.T) {
	t.Parallel()
	s := start(t, slackfake.Config{})
	submit(t, s, "command", "channel", "C0OPS", "as", "U0BEN", "typed", "hello")
	ts := s.Messages("C0OPS")[0].TS
	submit(t, s, "command", "channel", "C0OPS", "as", "U0ANA", "typed", "there", "thread", ts)
	for _, what := range []string{"pin", "react"} {
		if to := submit(t, s, "do", "channel", "C0OPS", "as", "U0ANA", "ts", ts, "what", what); strings.Contains(to, "said") {
			t.Errorf("%s leads to %s", what, to)
		}
	}
	if reply := s.Messages("C0OPS")[1]; reply.ThreadTS != ts || reply.User != "U0ANA" {
		t.Errorf("reply %+v", reply)
	}
	c, _ := s.Channel("ops")
	m, _ := s.Message("C0OPS", ts)
	if len(c.Pins) != 1 || len(m.Reactions["eyes"]) != 1 || len(c.Members) != 2 {
		t.Errorf("channel %+v, message %+v", c, m)
	}
	submit(t, s, "do", "channel", "C0OPS", "as", "U0ANA", "what", "archive")
	if c, _ := s.Channel("ops"); !c.Archived {
		t.Error("it is not archived")
	}
	if to := submit(t, s, "do", "channel", "C0OPS", "as", "U0ANA", "what", "launch"); !strings.Contains(to, "said=") {
		t.Errorf("nonsense leads to %s", to)
	}
}
