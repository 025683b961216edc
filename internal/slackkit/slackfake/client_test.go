package slackfake_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/theriac/theriac/internal/runner"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// start opens a workspace that ends with the test.
func start(t *testing.T, cfg slackfake.Config) *slackfake.Server {
	t.Helper()
	s, err := slackfake.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// library returns the client that everybody uses, as it is.
func library(t *testing.T, s *slackfake.Server, options ...slack.Option) *slack.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	options = append(options, slack.OptionAPIURL(s.APIURL()), slack.OptionHTTPClient(&http.Client{Transport: transport}))
	return slack.New(s.Token(), options...)
}

func TestServer_SlackGo_TalksToItUnchanged(t *testing.T) {
	t.Parallel()
	s := start(t, slackfake.Config{})
	c := library(t, s)
	ctx := t.Context()
	who, err := c.AuthTestContext(ctx)
	if err != nil || who.TeamID != s.Team() || who.Header.Get("X-OAuth-Scopes") != "chat:write" {
		t.Fatalf("auth.test: %+v, %v", who, err)
	}
	button := slack.NewButtonBlockElement("q:take", "v1", slack.NewTextBlockObject(slack.PlainTextType, "I have it", false, false))
	channel, ts, err := c.PostMessageContext(ctx, "C0OPS", slack.MsgOptionText("hello", false), slack.MsgOptionBlocks(slack.NewActionBlock("a", button)))
	if err != nil || channel != "C0OPS" {
		t.Fatalf("chat.postMessage: %s, %v", channel, err)
	}
	if _, _, text, err := c.UpdateMessageContext(ctx, channel, ts, slack.MsgOptionText("changed", false)); err != nil || text != "changed" {
		t.Errorf("chat.update: %q, %v", text, err)
	}
	if m, _ := s.Message(channel, ts); m.Blocks == nil {
		t.Error("an edit that says nothing of blocks took them away")
	}
	_, under, err := c.PostMessageContext(ctx, channel, slack.MsgOptionText("in the thread", false), slack.MsgOptionTS(ts), slack.MsgOptionBroadcast())
	if m, _ := s.Message(channel, under); err != nil || m.ThreadTS != ts || !m.Broadcast {
		t.Errorf("reply %+v, %v", m, err)
	}
	if _, err := c.PostEphemeralContext(ctx, channel, "U0ANA", slack.MsgOptionText("psst", false)); err != nil {
		t.Errorf("chat.postEphemeral: %v", err)
	}
	if link, err := c.GetPermalinkContext(ctx, &slack.PermalinkParameters{Channel: channel, Ts: ts}); err != nil || link == "" {
		t.Errorf("chat.getPermalink: %q, %v", link, err)
	}
	if info, err := c.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: channel}); err != nil || info.Name != "ops" || !info.IsMember {
		t.Errorf("conversations.info: %+v, %v", info, err)
	}
	if _, _, err := c.PostMessageContext(ctx, "C0NONE", slack.MsgOptionText("x", false)); err == nil || err.Error() != "channel_not_found" {
		t.Errorf("no such channel: %v", err)
	}
}

func TestServer_SlackGo_SeesRateLimits(t *testing.T) {
	t.Parallel()
	now := time.Unix(1700000000, 0)
	s := start(t, slackfake.Config{Every: time.Second, Burst: 2, Now: func() time.Time { return now }})
	c := library(t, s)
	for i := range 3 {
		_, _, err := c.PostMessageContext(t.Context(), "C0OPS", slack.MsgOptionText("x", false))
		limited, is := errors.AsType[*slack.RateLimitedError](err)
		if is != (i == 2) || is && limited.RetryAfter != time.Second {
			t.Errorf("call %d: %v", i, err)
		}
	}
}

func TestServer_SlackGo_Modals(t *testing.T) {
	t.Parallel()
	var payload []byte
	app := newApp(t, func(body []byte) string { payload = body; return "" })
	s := start(t, slackfake.Config{RequestURL: app})
	c := library(t, s)
	ts := post(t, c)
	if err := s.Press(t.Context(), "C0OPS", ts, "q:take", "U0BEN"); err != nil {
		t.Fatal(err)
	}
	click := parse(t, payload)
	plain := func(text string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
	}
	view := slack.ModalViewRequest{Type: slack.VTModal, Title: plain("Why"), Submit: plain("Go"), CallbackID: "cb", PrivateMetadata: "meta", Blocks: slack.Blocks{
		BlockSet: []slack.Block{slack.NewInputBlock("why", plain("Reason"), nil, slack.NewPlainTextInputBlockElement(plain("..."), "r"))}}}
	open := func(trigger string) error {
		_, err := c.OpenViewContext(t.Context(), trigger, view)
		return err
	}
	if err := open("made-up"); err == nil || err.Error() != "invalid_trigger_id" {
		t.Errorf("a trigger that was made up: %v", err)
	}
	if err := open(click.TriggerID); err != nil {
		t.Fatal(err)
	}
	if err := open(click.TriggerID); err == nil || err.Error() != "exchanged_trigger_id" {
		t.Errorf("a trigger used twice: %v", err)
	}
	id := s.Views()[0].ID
	if err := s.Submit(t.Context(), id, map[string]string{"why": "because"}, "U0ANA"); err == nil {
		t.Error("somebody else submitted it")
	}
	if err := s.Submit(t.Context(), id, map[string]string{"why": "because"}, "U0BEN"); err != nil {
		t.Fatal(err)
	}
	sent := parse(t, payload)
	if got := sent.View.State.Values["why"]["r"].Value; got != "because" || sent.View.PrivateMetadata != "meta" || sent.User.ID != "U0BEN" {
		t.Errorf("submission %+v", sent.View)
	}
}

// TestServer_SlackGo_SocketMode shows that the library's own Socket Mode works against it.
func TestServer_SlackGo_SocketMode(t *testing.T) {
	t.Parallel()
	s := start(t, slackfake.Config{})
	c := library(t, s, slack.OptionAppLevelToken(s.AppToken()))
	ts := post(t, c)
	sm := socketmode.New(c, socketmode.OptionLog(log.New(io.Discard, "", 0)))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running runner.Group
	defer running.Wait()
	defer cancel()
	running.Go(func() { _ = sm.RunContext(ctx) })
	var heard slack.InteractionCallback
	running.Go(func() {
		for {
			select {
			case event := <-sm.Events:
				if callback, ok := event.Data.(slack.InteractionCallback); ok {
					heard = callback
					_ = sm.Ack(*event.Request)
				}
			case <-ctx.Done():
				return
			}
		}
	})
	if err := s.Wait(ctx, func() bool { return s.Sockets() == 1 }); err != nil {
		t.Fatal(err)
	}
	if err := s.Press(ctx, "C0OPS", ts, "q:take", "U0ANA"); err != nil {
		t.Fatal(err)
	}
	cancel()
	running.Wait()
	if len(heard.ActionCallback.BlockActions) != 1 || heard.ActionCallback.BlockActions[0].ActionID != "q:take" || heard.User.ID != "U0ANA" {
		t.Errorf("heard %+v", heard.ActionCallback.BlockActions)
	}
}

// The channel between the app and a person is one, is in no list of channels, and takes posts.
func TestServer_SlackGo_OpensATalk(t *testing.T) {
	t.Parallel()
	s := start(t, slackfake.Config{Users: []slackfake.User{{ID: "U0ANA", Name: "ana"}, {ID: "U0OLD", Name: "old", Deleted: true}}})
	c := library(t, s)
	ctx := t.Context()
	open := func(user string) (string, error) {
		made, _, _, err := c.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{user}})
		if err != nil {
			return "", err
		}
		return made.ID, nil
	}
	first, err := open("U0ANA")
	second, again := open("U0ANA")
	if err != nil || again != nil || first == "" || first != second {
		t.Fatalf("opened %q, %v, then %q, %v", first, err, second, again)
	}
	if _, _, err := c.PostMessageContext(ctx, first, slack.MsgOptionText("hello", false)); err != nil {
		t.Errorf("chat.postMessage: %v", err)
	}
	listed, _, err := c.GetConversationsContext(ctx, &slack.GetConversationsParameters{Types: []string{"public_channel", "private_channel"}})
	if err != nil || len(listed) != 1 {
		t.Errorf("listed %+v, %v", listed, err)
	}
	for user, want := range map[string]string{"U0OLD": "user_disabled", "U0NOBODY": "user_not_found"} {
		if _, err := open(user); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", user, err, want)
		}
	}
}
