package slackfake_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// refused fails unless err is this refusal.
func refused(t *testing.T, what string, err error, code string) {
	t.Helper()
	if err == nil || err.Error() != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func ok(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func TestServer_SlackGo_Channels(t *testing.T) {
	t.Parallel()
	s := start(t, slackfake.Config{})
	c, ctx := library(t, s), t.Context()
	made, err := c.CreateConversationContext(ctx, slack.CreateConversationParams{ChannelName: "inc-7-payments"})
	ok(t, "conversations.create", err)
	if made.ID == "" || made.Name != "inc-7-payments" || !made.IsMember || made.IsPrivate || made.Created == 0 {
		t.Errorf("made %+v", made)
	}
	for name, code := range map[string]string{
		"inc-7-payments": "name_taken", "": "invalid_name_required", strings.Repeat("x", 81): "invalid_name_maxlength",
		"Inc": "invalid_name_specials", "a b": "invalid_name_specials", "-_-": "invalid_name_punctuation",
	} {
		_, err := c.CreateConversationContext(ctx, slack.CreateConversationParams{ChannelName: name})
		refused(t, "the name "+name, err, code)
	}
	_, err = c.SetTopicOfConversationContext(ctx, made.ID, "Fixing")
	ok(t, "conversations.setTopic", err)
	_, err = c.SetPurposeOfConversationContext(ctx, made.ID, "INC-7")
	ok(t, "conversations.setPurpose", err)
	_, err = c.SetTopicOfConversationContext(ctx, made.ID, strings.Repeat("x", 251))
	refused(t, "a long topic", err, "too_long")
	info, err := c.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: made.ID})
	ok(t, "conversations.info", err)
	if info.Topic.Value != "Fixing" || info.Purpose.Value != "INC-7" {
		t.Errorf("info %+v", info)
	}
	_, err = c.InviteUsersToConversationContext(ctx, made.ID, "U0ANA", "U0BEN")
	ok(t, "conversations.invite", err)
	_, err = c.InviteUsersToConversationContext(ctx, made.ID, "U0ANA")
	refused(t, "a second invitation", err, "already_in_channel")
	_, err = c.InviteUsersToConversationContext(ctx, made.ID, "U0NOBODY")
	refused(t, "an invitation of nobody", err, "user_not_found")
	_, err = c.InviteUsersToConversationContext(ctx, made.ID, "U0THERIAC")
	refused(t, "an invitation of the app", err, "cant_invite_self")
	_, err = c.InviteUsersToConversationContext(ctx, "C0NONE", "U0ANA")
	refused(t, "an invitation to nowhere", err, "channel_not_found")
	members, _, err := c.GetUsersInConversationContext(ctx, &slack.GetUsersInConversationParameters{ChannelID: made.ID})
	ok(t, "conversations.members", err)
	if !slices.Equal(members, []string{"U0ANA", "U0BEN", "U0THERIAC"}) {
		t.Errorf("members %v", members)
	}
	ok(t, "conversations.archive", c.ArchiveConversationContext(ctx, made.ID))
	refused(t, "archiving again", c.ArchiveConversationContext(ctx, made.ID), "already_archived")
	_, _, err = c.PostMessageContext(ctx, made.ID, slack.MsgOptionText("x", false))
	refused(t, "a post", err, "is_archived")
	_, err = c.SetTopicOfConversationContext(ctx, made.ID, "x")
	refused(t, "a topic", err, "is_archived")
	_, err = c.CreateConversationContext(ctx, slack.CreateConversationParams{ChannelName: "inc-7-payments"})
	refused(t, "the name of an archived channel", err, "name_taken")
	// Slack has taken the bot out of the channel, and only members bring it back.
	refused(t, "bringing it back", c.UnArchiveConversationContext(ctx, made.ID), "not_in_channel")
	refused(t, "bringing back what is there", c.UnArchiveConversationContext(ctx, "C0OPS"), "not_archived")
	ok(t, "a person brings it back", s.Unarchive(made.ID, "U0ANA"))
	if now, _ := s.Channel(made.ID); now.Archived || now.Absent {
		t.Errorf("channel %+v", now)
	}
	if n, done := s.Count("conversations.create"), s.Done("conversations.create"); n != 8 || done != 1 {
		t.Errorf("%d creations of which %d were done, want 8 and 1", n, done)
	}
}

func TestServer_SlackGo_PrivateChannelsAndPages(t *testing.T) {
	t.Parallel()
	s := start(t, slackfake.Config{PageMost: 2, Channels: []slackfake.Channel{
		{ID: "C1", Name: "a"}, {ID: "C2", Name: "b", Archived: true}, {ID: "C3", Name: "c", Private: true, Absent: true}, {ID: "C4", Name: "d", Private: true}, {ID: "C5", Name: "e"},
	}})
	c, ctx := library(t, s), t.Context()
	list := func(p slack.GetConversationsParameters) (names []string) {
		for range 10 {
			page, next, err := c.GetConversationsContext(ctx, &p)
			ok(t, "conversations.list", err)
			if len(page) > 2 {
				t.Errorf("a page of %d", len(page))
			}
			for _, one := range page {
				names = append(names, one.Name)
			}
			if p.Cursor = next; next == "" {
				return names
			}
		}
		t.Fatal("the pages do not end")
		return nil
	}
	for _, tt := range []struct {
		p    slack.GetConversationsParameters
		want []string
	}{
		{slack.GetConversationsParameters{}, []string{"a", "b", "e"}},
		{slack.GetConversationsParameters{ExcludeArchived: true}, []string{"a", "e"}},
		{slack.GetConversationsParameters{Types: []string{"public_channel", "private_channel"}}, []string{"a", "b", "d", "e"}},
	} {
		if got := list(tt.p); !slices.Equal(got, tt.want) {
			t.Errorf("%+v gives %v, want %v", tt.p, got, tt.want)
		}
	}
	_, _, err := c.GetConversationsContext(ctx, &slack.GetConversationsParameters{Cursor: "made up"})
	refused(t, "a cursor that was made up", err, "invalid_cursor")
	_, err = c.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: "C3"})
	refused(t, "a private channel without the app", err, "channel_not_found")
	_, _, err = c.PostMessageContext(ctx, "C3", slack.MsgOptionText("x", false))
	refused(t, "a post there", err, "channel_not_found")
	_, err = c.CreateConversationContext(ctx, slack.CreateConversationParams{ChannelName: "c"})
	refused(t, "its name", err, "name_taken")
}

func TestServer_SlackGo_HistoryAndMetadata(t *testing.T) {
	t.Parallel()
	s := start(t, slackfake.Config{PageMost: 2})
	c, ctx := library(t, s), t.Context()
	mark := func(key string) slack.MsgOption {
		return slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "incident_headline", EventPayload: map[string]any{"key": key}})
	}
	_, first, err := c.PostMessageContext(ctx, "C0OPS", slack.MsgOptionText("one", false), mark("k1"))
	ok(t, "chat.postMessage", err)
	_, under, err := c.PostMessageContext(ctx, "C0OPS", slack.MsgOptionText("under", false), slack.MsgOptionTS(first), mark("k2"))
	ok(t, "a reply", err)
	for _, text := range []string{"two", "three"} {
		_, err := s.Say("C0OPS", "", "U0BEN", text)
		ok(t, text, err)
	}
	_, _, _, err = c.UpdateMessageContext(ctx, "C0OPS", first, slack.MsgOptionText("ONE", false))
	ok(t, "chat.update", err)
	var texts []string
	p := slack.GetConversationHistoryParameters{ChannelID: "C0OPS", IncludeAllMetadata: true}
	for more := true; more; {
		page, err := c.GetConversationHistoryContext(ctx, &p)
		ok(t, "conversations.history", err)
		for _, m := range page.Messages {
			texts = append(texts, m.Text)
			if m.Text == "ONE" && (m.Metadata.EventType != "incident_headline" || m.Metadata.EventPayload["key"] != "k1" || m.BotID == "") {
				t.Errorf("message %+v", m)
			}
		}
		p.Cursor, more = page.ResponseMetaData.NextCursor, page.HasMore
	}
	if !slices.Equal(texts, []string{"three", "two", "ONE"}) {
		t.Errorf("history %v, want the newest first and no reply", texts)
	}
	thread, _, _, err := c.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{ChannelID: "C0OPS", Timestamp: first, IncludeAllMetadata: true})
	ok(t, "conversations.replies", err)
	if len(thread) != 2 || thread[1].Timestamp != under || thread[1].Metadata.EventPayload["key"] != "k2" {
		t.Errorf("thread %+v", thread)
	}
	page, err := c.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{ChannelID: "C0OPS", Latest: thread[1].Timestamp})
	ok(t, "conversations.history", err)
	if len(page.Messages) != 1 || page.Messages[0].Metadata.EventType != "" {
		t.Errorf("before the reply %+v", page.Messages)
	}
	refused(t, "a pin of nothing", c.AddPinContext(ctx, "C0OPS", slack.NewRefToMessage("C0OPS", "1.1")), "message_not_found")
	ok(t, "pins.add", c.AddPinContext(ctx, "C0OPS", slack.NewRefToMessage("C0OPS", first)))
	refused(t, "a second pin", c.AddPinContext(ctx, "C0OPS", slack.NewRefToMessage("C0OPS", first)), "already_pinned")
}

func TestServer_SlackGo_BookmarksUsersAndViews(t *testing.T) {
	t.Parallel()
	s := start(t, slackfake.Config{Users: []slackfake.User{{ID: "U0ANA", Name: "ana", Email: "ana@corp.example", TimeZone: "America/New_York"}}})
	c, ctx := library(t, s), t.Context()
	b, err := c.AddBookmarkContext(ctx, "C0OPS", slack.AddBookmarkParameters{Title: "Incident", Type: "link", Link: "https://ops.example.com/i/7"})
	ok(t, "bookmarks.add", err)
	_, err = c.AddBookmarkContext(ctx, "C0OPS", slack.AddBookmarkParameters{Title: "x", Type: "link", Link: "javascript:alert(1)"})
	refused(t, "a script", err, "invalid_link")
	all, err := c.ListBookmarksContext(ctx, "C0OPS")
	ok(t, "bookmarks.list", err)
	if len(all) != 1 || all[0].ID != b.ID || all[0].Title != "Incident" {
		t.Errorf("bookmarks %+v", all)
	}
	u, err := c.GetUserByEmailContext(ctx, "Ana@corp.example")
	ok(t, "users.lookupByEmail", err)
	if u.ID != "U0ANA" || u.TZ != "America/New_York" || u.TZOffset >= 0 {
		t.Errorf("user %+v", u)
	}
	_, err = c.GetUserByEmailContext(ctx, "eve@corp.example")
	refused(t, "an address of nobody", err, "users_not_found")
	_, err = c.GetUserInfoContext(ctx, "U0EVE")
	refused(t, "an id of nobody", err, "user_not_found")
	_, err = c.UpdateViewContext(ctx, slack.ModalViewRequest{Type: slack.VTModal}, "", "", "V1")
	refused(t, "a modal that is not there", err, "not_found")
}

func TestServer_MethodsThatRead_TakeNoJSON(t *testing.T) {
	t.Parallel()
	s := start(t, slackfake.Config{})
	got := call(t, s, "conversations.info", "application/json", `{"channel":"C0OPS"}`)
	if !strings.Contains(got.body, "channel_not_found") {
		t.Errorf("answer %s, as if Slack had read the JSON", got.body)
	}
	got = call(t, s, "conversations.info", "application/x-www-form-urlencoded", "channel=C0OPS")
	if !strings.Contains(got.body, `"ok":true`) {
		t.Errorf("answer %s", got.body)
	}
}

func TestServer_ScopesAndLimits_AreKept(t *testing.T) {
	t.Parallel()
	s := start(t, slackfake.Config{CheckScopes: true, Scopes: []string{"channels:read"}, Limits: map[string]int{"conversations.list": 2}})
	if got := call(t, s, "conversations.create", "application/json", `{"name":"x"}`); !strings.Contains(got.body, "missing_scope") || !strings.Contains(got.body, "channels:manage") {
		t.Errorf("answer %s", got.body)
	}
	for i := range 3 {
		got := call(t, s, "conversations.list", "application/x-www-form-urlencoded", "")
		if limited := got.status == 429; limited != (i == 2) || limited && got.header.Get("Retry-After") == "" {
			t.Errorf("call %d: status %d", i, got.status)
		}
	}
}
