package slackfake_test

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// everything is all that an app can be told of.
func everything() []string {
	return []string{"message.channels", "message.groups", "member_joined_channel", "member_left_channel", "reaction_added", "pin_added",
		"channel_rename", "channel_archive", "channel_unarchive", "group_rename", "group_archive", "group_unarchive"}
}

// ear is an app that hears events.
type ear struct {
	*httptest.Server
	mu     sync.Mutex
	heard  []string // what happened, as the library reads it
	retry  []string // the headers that say so
	status func(n int) int
}

func newEar(t *testing.T, status func(n int) int) *ear {
	t.Helper()
	e := &ear{status: status}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		event, err := slackevents.ParseEvent(body, slackevents.OptionNoVerifyToken())
		e.mu.Lock()
		defer e.mu.Unlock()
		if err != nil {
			t.Errorf("the library cannot read %s: %v", body, err)
		}
		if event.Type == slackevents.URLVerification {
			var ask slackevents.ChallengeResponse
			_ = json.Unmarshal(body, &ask)
			_, _ = io.WriteString(w, ask.Challenge)
			return
		}
		e.retry = append(e.retry, r.Header.Get("X-Slack-Retry-Num"))
		name := event.InnerEvent.Type
		if m, ok := event.InnerEvent.Data.(*slackevents.MessageEvent); ok {
			name += " " + m.SubType + " of " + m.User + " in " + m.Channel
		}
		e.heard = append(e.heard, name)
		if e.status != nil {
			w.WriteHeader(e.status(len(e.heard)))
		}
	}))
	t.Cleanup(e.Close)
	return e
}

func TestServer_Events_AreToldAsTheLibraryReadsThem(t *testing.T) {
	t.Parallel()
	app := newEar(t, nil)
	s := start(t, slackfake.Config{RequestURL: app.URL, Events: everything()})
	ok(t, "url_verification", s.VerifyEvents(t.Context()))
	settle := func(what string, err error) {
		t.Helper()
		ok(t, what, err)
		ok(t, what, s.Settle(t.Context()))
	}
	ts, err := s.Say("ops", "", "U0BEN", "hello")
	settle("say", err)
	settle("edit", s.Edit("C0OPS", ts, "U0BEN", "hello!"))
	settle("react", s.React("C0OPS", ts, "U0ANA", "eyes"))
	settle("pin", s.PinMessage("C0OPS", ts, "U0ANA"))
	settle("delete", s.Delete("C0OPS", ts, "U0ANA"))
	settle("leave", s.Leave("C0OPS", "U0BEN"))
	settle("rename", s.Rename("C0OPS", "U0ANA", "operations"))
	settle("archive", s.Archive("C0OPS", "U0ANA"))
	settle("unarchive", s.Unarchive("C0OPS", "U0ANA"))
	want := []string{"member_joined_channel", "message  of U0BEN in C0OPS", "message message_changed of  in C0OPS", "reaction_added", "pin_added",
		"message message_deleted of  in C0OPS", "member_left_channel", "channel_rename", "channel_archive", "channel_unarchive"}
	slices.Sort(app.heard[:2]) // two at once come in any order
	if got := app.heard; !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
	if s.Undelivered() != 0 {
		t.Errorf("%d were lost", s.Undelivered())
	}
}

func TestServer_EventNotTaken_ComesAgain(t *testing.T) {
	t.Parallel()
	app := newEar(t, func(n int) int {
		if n < 3 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	s := start(t, slackfake.Config{RequestURL: app.URL, Events: []string{"member_joined_channel"}, EventRetries: []time.Duration{0, time.Millisecond}})
	ok(t, "join", s.Join("C0OPS", "U0ANA"))
	ok(t, "settle", s.Settle(t.Context()))
	if !slices.Equal(app.retry, []string{"", "1", "2"}) || s.Undelivered() != 0 {
		t.Errorf("tries %q, %d lost", app.retry, s.Undelivered())
	}
	app.mu.Lock()
	app.status = func(int) int { return http.StatusServiceUnavailable }
	app.mu.Unlock()
	ok(t, "join", s.Join("C0OPS", "U0BEN"))
	ok(t, "settle", s.Settle(t.Context()))
	if len(app.heard) != 6 || s.Undelivered() != 1 {
		t.Errorf("told %d times, %d lost; want 6 and 1", len(app.heard), s.Undelivered())
	}
}

func TestServer_Events_OnlyWhatWasAskedForAndWhereTheAppIs(t *testing.T) {
	t.Parallel()
	app := newEar(t, nil)
	s := start(t, slackfake.Config{RequestURL: app.URL, Events: []string{"message.channels"}, Channels: []slackfake.Channel{
		{ID: "C1", Name: "here"}, {ID: "C2", Name: "there", Absent: true}, {ID: "C3", Name: "secret", Private: true, Members: []string{"U0ANA"}},
	}})
	for _, id := range []string{"C1", "C2", "C3"} {
		_, err := s.Say(id, "", "U0ANA", "x")
		ok(t, id, err)
	}
	if _, err := s.Say("C3", "", "U0BEN", "x"); err == nil {
		t.Error("somebody spoke in a private channel that they are not in")
	}
	ok(t, "settle", s.Settle(t.Context()))
	if want := []string{"message  of U0ANA in C1"}; !slices.Equal(app.heard, want) {
		t.Errorf("heard %q, want %q", app.heard, want)
	}
}

func TestServer_SlackGo_HearsEventsAndShortcutsBySocket(t *testing.T) {
	t.Parallel()
	s := start(t, slackfake.Config{Events: everything(), Shortcuts: []slackfake.Shortcut{{CallbackID: "inc:pin", Name: "Add to timeline", Message: true}, {CallbackID: "inc:new", Name: "Declare"}}})
	sm := socketmode.New(library(t, s, slack.OptionAppLevelToken(s.AppToken())), socketmode.OptionLog(log.New(io.Discard, "", 0)))
	ctx, cancel := context.WithCancel(t.Context())
	var running runner.Group
	defer running.Wait()
	defer cancel()
	running.Go(func() { _ = sm.RunContext(ctx) })
	heard := make(chan any, 10)
	running.Go(func() {
		for {
			select {
			case event := <-sm.Events:
				if event.Request != nil && event.Request.Type != "hello" {
					_ = sm.Ack(*event.Request)
					heard <- event.Data
				}
			case <-ctx.Done():
				return
			}
		}
	})
	ok(t, "wait", s.Wait(ctx, func() bool { return s.Sockets() == 1 }))
	ok(t, "join", s.Join("C0OPS", "U0ANA"))
	if e, is := (<-heard).(slackevents.EventsAPIEvent); !is || e.InnerEvent.Type != "member_joined_channel" {
		t.Errorf("heard %+v", e)
	}
	ts, err := s.Say("C0OPS", "", "U0ANA", "it was the cache")
	ok(t, "say", err)
	<-heard
	ok(t, "choose", s.Choose(ctx, "inc:pin", "C0OPS", ts, "U0BEN"))
	if c, is := (<-heard).(slack.InteractionCallback); !is || c.Type != slack.InteractionTypeMessageAction || c.CallbackID != "inc:pin" || c.Message.Text != "it was the cache" {
		t.Errorf("heard %+v", c)
	}
	ok(t, "choose", s.Choose(ctx, "inc:new", "", "", "U0BEN"))
	if c, is := (<-heard).(slack.InteractionCallback); !is || c.Type != slack.InteractionTypeShortcut || c.TriggerID == "" {
		t.Errorf("heard %+v", c)
	}
	if err := s.Choose(ctx, "inc:other", "C0OPS", ts, "U0BEN"); err == nil {
		t.Error("a shortcut was chosen that there is not")
	}
}

func TestServer_StateFile_KeepsTheWorkspace(t *testing.T) {
	t.Parallel()
	cfg := slackfake.Config{StateFile: t.TempDir() + "/slack.json"}
	s := start(t, cfg)
	c := library(t, s)
	made, err := c.CreateConversationContext(t.Context(), slack.CreateConversationParams{ChannelName: "inc-1", IsPrivate: true})
	ok(t, "create", err)
	_, err = c.SetPurposeOfConversationContext(t.Context(), made.ID, "INC-1 <&>")
	ok(t, "purpose", err)
	_, ts, err := c.PostMessageContext(t.Context(), made.ID, slack.MsgOptionText("headline", false),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "h", EventPayload: map[string]any{"key": "k"}}))
	ok(t, "post", err)
	before := s.Channels()
	ok(t, "close", s.Close())

	again := start(t, cfg)
	m, found := again.Message(made.ID, ts)
	if !found || m.Text != "headline" || !strings.Contains(string(m.Metadata), `"key":"k"`) {
		t.Errorf("message %+v", m)
	}
	after := again.Channels()
	if len(after) != 2 || len(before) != 2 || after[1].Purpose != "INC-1 <&>" || !after[1].Private {
		t.Errorf("channels %+v, want %+v", after, before)
	}
	_, err = library(t, again).CreateConversationContext(t.Context(), slack.CreateConversationParams{ChannelName: "inc-1"})
	refused(t, "the same name", err, "name_taken")
	_, later, err := library(t, again).PostMessageContext(t.Context(), made.ID, slack.MsgOptionText("more", false))
	ok(t, "post", err)
	if later <= ts || again.Saved() != nil {
		t.Errorf("timestamp %s after %s, saved: %v", later, ts, again.Saved())
	}
}

func TestStart_StateFileBroken_IsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"{", `{"Version":2}`, "null", ""} {
		path := t.TempDir() + "/slack.json"
		write(t, path, content)
		if s, err := slackfake.Start(t.Context(), slackfake.Config{StateFile: path}); err == nil {
			t.Errorf("%q was taken", content)
			_ = s.Close()
		}
		if got := read(t, path); got != content {
			t.Errorf("%q became %q", content, got)
		}
	}
}

func TestServer_Latency_IsWhatACallTakes(t *testing.T) {
	t.Parallel()
	s := start(t, slackfake.Config{Latency: 20 * time.Millisecond})
	began := time.Now()
	_, err := library(t, s).AuthTestContext(t.Context())
	ok(t, "auth.test", err)
	if took := time.Since(began); took < 20*time.Millisecond {
		t.Errorf("it took %s", took)
	}
}

func TestServer_Bounds_ManyChannels(t *testing.T) {
	t.Parallel()
	s := start(t, slackfake.Config{Bounds: slackfake.Bounds{Channels: 2, Messages: 3}})
	c := library(t, s)
	_, err := c.CreateConversationContext(t.Context(), slack.CreateConversationParams{ChannelName: "one"})
	ok(t, "create", err)
	_, err = c.CreateConversationContext(t.Context(), slack.CreateConversationParams{ChannelName: "two"})
	refused(t, "one too many", err, "restricted_action")
	for range 5 {
		_, err := s.Say("one", "", "U0ANA", "x")
		ok(t, "say", err)
	}
	if n := len(s.Messages("one")); n != 3 {
		t.Errorf("%d messages are kept, want 3", n)
	}
}
