package slackkit_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/theriac/theriac/internal/problem"
	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// is fails unless err is this refusal.
func is(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || want != nil && slackkit.Code(err) == "" {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func ok(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func TestClient_Channel_FromItsMakingToItsEnd(t *testing.T) {
	t.Parallel()
	s := fake(t, slackfake.Config{})
	c, ctx := client(t, s, nil), t.Context()
	made, err := c.CreateChannel(ctx, "inc-7", false)
	ok(t, "create", err)
	us, err := c.Self(ctx)
	ok(t, "self", err)
	if made.ID == "" || made.Name != "inc-7" || !made.Member || made.Creator != us.UserID || time.Since(made.Created) > time.Minute {
		t.Errorf("made %+v by %s", made, us.UserID)
	}
	_, err = c.CreateChannel(ctx, "inc-7", true)
	is(t, "the same name", err, slackkit.ErrNameTaken)
	_, err = c.CreateChannel(ctx, "Inc 7", false)
	is(t, "a bad name", err, slackkit.ErrInvalidName)
	ok(t, "topic", c.SetTopic(ctx, made.ID, "Fixing"))
	ok(t, "purpose", c.SetPurpose(ctx, made.ID, "INC-7"))
	is(t, "nowhere", c.SetTopic(ctx, "C0NONE", "x"), slackkit.ErrChannelNotFound)
	found, there, err := c.FindChannel(ctx, "inc-7")
	ok(t, "find", err)
	again, err := c.Channel(ctx, made.ID)
	ok(t, "info", err)
	if !there || found != again || found.Topic != "Fixing" || found.Purpose != "INC-7" {
		t.Errorf("found %+v, read %+v", found, again)
	}
	place, err := c.Post(ctx, made.ID, slackkit.Message{Text: "x"})
	ok(t, "post", err)
	ok(t, "pin", c.Pin(ctx, place))
	is(t, "pin again", c.Pin(ctx, place), slackkit.ErrAlreadyPinned)
	is(t, "bring back what is there", c.Unarchive(ctx, made.ID), slackkit.ErrNotArchived)
	ok(t, "archive", c.Archive(ctx, made.ID))
	is(t, "archive again", c.Archive(ctx, made.ID), slackkit.ErrAlreadyArchived)
	is(t, "topic of an archived one", c.SetTopic(ctx, made.ID, "x"), slackkit.ErrArchived)
	is(t, "bring it back as a bot", c.Unarchive(ctx, made.ID), slackkit.ErrNotInChannel)
	found, there, err = c.FindChannel(ctx, "inc-7")
	if err != nil || !there || !found.Archived || found.Member {
		t.Errorf("found %+v, %v, %v", found, there, err)
	}
	if _, there, err := c.FindChannel(ctx, "inc-8"); there || err != nil {
		t.Errorf("found what is not there: %v, %v", there, err)
	}
}

// TestClient_CreateChannel_AnswerLost is how a handler finds what it does not know it made.
func TestClient_CreateChannel_AnswerLost_IsFound(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slackfake.Fault{
		"reset": {Reset: true, After: true}, "half": {Cut: true, After: true}, "page": {Status: 500, Body: "<html>", After: true},
		"no channel": {Body: `{"ok":true}`, After: true}, "a channel of another form": {Body: `{"ok":true,"channel":{"id":7}}`, After: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fake(t, slackfake.Config{PageMost: 3})
			for i := range 20 {
				s.SetChannel(slackfake.Channel{ID: fmt.Sprintf("C%d", i), Name: fmt.Sprintf("c%d", i)})
			}
			c, ctx := client(t, s, nil), t.Context()
			s.Fail("conversations.create", fault)
			if _, err := c.CreateChannel(ctx, "inc-7", true); !slackkit.InDoubt(err) {
				t.Fatalf("error %v, want it in doubt", err)
			}
			_, err := c.CreateChannel(ctx, "inc-7", true)
			is(t, "the next try", err, slackkit.ErrNameTaken)
			found, there, err := c.FindChannel(ctx, "inc-7")
			us, _ := c.Self(ctx)
			if err != nil || !there || found.Creator != us.UserID || found.Purpose != "" || !found.Private {
				t.Errorf("found %+v, %v, %v", found, there, err)
			}
			if n := s.Done("conversations.create"); n != 1 {
				t.Errorf("%d channels were made", n)
			}
		})
	}
	for _, err := range []error{nil, errors.New("x"), &slackkit.PermanentError{Code: "name_taken"}, &slackkit.RetryError{}} {
		if slackkit.InDoubt(err) {
			t.Errorf("%v is in doubt", err)
		}
	}
}

func TestClient_Invite_TellsWhoAndWhy(t *testing.T) {
	t.Parallel()
	s := fake(t, slackfake.Config{})
	c, ctx := client(t, s, nil), t.Context()
	ok(t, "one", c.Invite(ctx, "C0OPS", "U0ANA"))
	is(t, "again", c.Invite(ctx, "C0OPS", "U0ANA"), slackkit.ErrAlreadyInChannel)
	is(t, "the app", c.Invite(ctx, "C0OPS", "U0THERIAC"), slackkit.ErrCannotInviteSelf)
	is(t, "nobody", c.Invite(ctx, "C0OPS", "U0EVE"), slackkit.ErrUserNotFound)
	is(t, "nowhere", c.Invite(ctx, "C0NONE", "U0ANA", "U0BEN"), slackkit.ErrChannelNotFound)
	ok(t, "no one", c.Invite(ctx, "C0OPS"))
	err := c.Invite(ctx, "C0OPS", "U0ANA", "U0BEN", "U0EVE")
	several, is := errors.AsType[*slackkit.InviteError](err)
	if !is || len(several.Refused) != 2 || several.Refused["U0ANA"].Code != "already_in_channel" || several.Refused["U0EVE"].Code != "user_not_found" {
		t.Errorf("error %v", err)
	}
	if !slackkit.IsPermanent(err) || problem.Of(err) == problem.Unavailable {
		t.Errorf("error %v is of kind %s", err, problem.Of(err))
	}
	if ops, _ := s.Channel("ops"); !slices.Equal(ops.Members, []string{"U0ANA", "U0BEN"}) {
		t.Errorf("members %v", ops.Members)
	}
}

func TestClient_Invite_ManyAtOnce(t *testing.T) {
	t.Parallel()
	var users []slackfake.User
	var ids []string
	for i := range 250 {
		ids = append(ids, fmt.Sprintf("U%03d", i))
		users = append(users, slackfake.User{ID: ids[i], Name: ids[i]})
	}
	s := fake(t, slackfake.Config{Users: users})
	ok(t, "invite", client(t, s, nil).Invite(t.Context(), "C0OPS", ids...))
	if ops, _ := s.Channel("ops"); len(ops.Members) != 250 || s.Count("conversations.invite") != 3 {
		t.Errorf("%d members in %d calls", len(ops.Members), s.Count("conversations.invite"))
	}
}

func TestClient_FindPost_FindsOurOwn(t *testing.T) {
	t.Parallel()
	s := fake(t, slackfake.Config{PageMost: 7})
	c, ctx := client(t, s, nil), t.Context()
	mark := slackkit.Mark{Type: "incident_headline", Key: "headline:01J"}
	s.Fail("chat.postMessage", slackfake.Fault{Reset: true, After: true})
	if _, err := c.Post(ctx, "C0OPS", slackkit.Message{Text: "headline", Mark: mark}); !slackkit.InDoubt(err) {
		t.Fatalf("error %v, want it in doubt", err)
	}
	for range 30 {
		_, err := s.Say("C0OPS", "", "U0BEN", "talk")
		ok(t, "say", err)
	}
	place, there, err := c.FindPost(ctx, "C0OPS", mark.Type, mark.Key)
	ok(t, "find", err)
	if m, _ := s.Message(place.Channel, place.TS); !there || m.Text != "headline" {
		t.Fatalf("found %+v, %v", place, there)
	}
	// An edit without a mark leaves it, and one with another replaces it.
	ok(t, "edit", c.Update(ctx, place, slackkit.Message{Text: "changed"}))
	if _, there, _ := c.FindPost(ctx, "C0OPS", mark.Type, mark.Key); !there {
		t.Error("an edit took the mark away")
	}
	under, err := c.Reply(ctx, place, slackkit.Message{Text: "reply", Mark: slackkit.Mark{Type: "post", Key: "1"}}, false)
	ok(t, "reply", err)
	if got, there, err := c.FindReply(ctx, place, "post", "1"); err != nil || !there || got != under {
		t.Errorf("found %+v, %v, %v; want %+v", got, there, err, under)
	}
	for _, other := range [][2]string{{mark.Type, "headline:02J"}, {"other", mark.Key}, {"", ""}, {"post", "1"}} {
		if got, there, err := c.FindPost(ctx, "C0OPS", other[0], other[1]); there || err != nil {
			t.Errorf("%v: found %+v, %v", other, got, err)
		}
	}
	_, _, err = c.FindPost(ctx, "C0NONE", "a", "b")
	is(t, "nowhere", err, slackkit.ErrChannelNotFound)
	if n := s.Count("auth.test"); n != 1 {
		t.Errorf("asked %d times who we are", n)
	}
}

// TestClient_FindPost_HistoryOfOthers is whatever others put beside their messages, and pages without end.
func TestClient_FindPost_HistoryOfOthers_ProvesNothing(t *testing.T) {
	t.Parallel()
	const meta = `"metadata":{"event_type":"h","event_payload":{"key":"k"}}`
	for name, body := range map[string]string{
		"a person":           `{"ok":true,"messages":[{"ts":"1.1","user":"U0EVE",` + meta + `}]}`,
		"another app":        `{"ok":true,"messages":[{"ts":"1.1","user":"U1","bot_id":"B0EVIL",` + meta + `}]}`,
		"no timestamp":       `{"ok":true,"messages":[{"bot_id":"B0THERIAC",` + meta + `}]}`,
		"metadata of a kind": `{"ok":true,"messages":[{"ts":"1.1","bot_id":"B0THERIAC","metadata":[1]},{"ts":"1.2","bot_id":"B0THERIAC","metadata":{"event_type":"h","event_payload":"k"}}]}`,
		"the same page":      `{"ok":true,"messages":[],"response_metadata":{"next_cursor":"x"}}`,
		"a giant cursor":     `{"ok":true,"messages":[],"response_metadata":{"next_cursor":"` + strings.Repeat("x", 5000) + `"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fake(t, slackfake.Config{})
			for range 20 {
				s.Fail("conversations.history", slackfake.Fault{Body: body})
			}
			if got, there, err := client(t, s, nil).FindPost(t.Context(), "C0OPS", "h", "k"); there || err != nil {
				t.Errorf("found %+v, %v", got, err)
			}
			if n := s.Count("conversations.history"); n > 10 {
				t.Errorf("%d pages were read", n)
			}
		})
	}
}

func TestClient_FindChannel_PagesWithoutEnd_AreLeft(t *testing.T) {
	t.Parallel()
	s := fake(t, slackfake.Config{})
	for i := range 60 {
		s.Fail("conversations.list", slackfake.Fault{Body: fmt.Sprintf(`{"ok":true,"channels":[{"id":"C1","name":"other"}],"response_metadata":{"next_cursor":"%d"}}`, i)})
	}
	_, there, err := client(t, s, nil).FindChannel(t.Context(), "inc-7")
	if there || slackkit.Code(err) != "too_many_channels" || s.Count("conversations.list") != 50 {
		t.Errorf("found %v, %v after %d pages", there, err, s.Count("conversations.list"))
	}
}

func TestClient_Bookmarks_AreKept(t *testing.T) {
	t.Parallel()
	s := fake(t, slackfake.Config{})
	c, ctx := client(t, s, nil), t.Context()
	b, err := c.AddBookmark(ctx, "C0OPS", "Incident", "https://ops.example.com/i/7")
	ok(t, "add", err)
	all, err := c.ListBookmarks(ctx, "C0OPS")
	if err != nil || !slices.Equal(all, []slackkit.Bookmark{b}) || b.ID == "" || b.Link != "https://ops.example.com/i/7" {
		t.Errorf("bookmarks %+v, %v", all, err)
	}
	if _, err := c.AddBookmark(ctx, "C0OPS", "x", "javascript:alert(1)"); slackkit.Code(err) != "invalid_link" {
		t.Errorf("error %v", err)
	}
}

func TestClient_Users_HaveATimeZone(t *testing.T) {
	t.Parallel()
	s := fake(t, slackfake.Config{Users: []slackfake.User{{ID: "U0ANA", Name: "ana", RealName: "Ana B", Email: "ana@corp.example", TimeZone: "Asia/Kolkata"}}})
	c, ctx := client(t, s, nil), t.Context()
	u, err := c.UserByEmail(ctx, "ana@corp.example")
	ok(t, "by email", err)
	same, err := c.UserInfo(ctx, "U0ANA")
	if err != nil || u != same || u.RealName != "Ana B" || u.Email != "ana@corp.example" || u.Location().String() != "Asia/Kolkata" || u.Offset != 330*time.Minute {
		t.Errorf("user %+v, %+v, %v", u, same, err)
	}
	_, err = c.UserByEmail(ctx, "eve@corp.example")
	is(t, "nobody", err, slackkit.ErrUserNotFound)
	_, err = c.UserInfo(ctx, "U0EVE")
	is(t, "nobody", err, slackkit.ErrUserNotFound)
	for _, odd := range []slackkit.User{{}, {TimeZone: "../../etc/passwd"}, {TimeZone: "Local"}, {Offset: 1000 * time.Hour}} {
		if odd.Location() != time.UTC {
			t.Errorf("%+v is in %s", odd, odd.Location())
		}
	}
	if _, offset := at.In(slackkit.User{TimeZone: "Nowhere/Land", Offset: time.Hour}.Location()).Zone(); offset != 3600 {
		t.Errorf("offset %d", offset)
	}
}

func TestClient_UpdateView_OnlyWhatWasRead(t *testing.T) {
	t.Parallel()
	w := open(t, nothing, slackkit.Limits{})
	p := w.message(t)
	ok(t, "press", w.Press(t.Context(), p.Channel, p.TS, "q:take", "U0ANA"))
	ok(t, "open", w.client.OpenView(t.Context(), w.last.TriggerID, reason("1")))
	id := w.Views()[0].ID
	ok(t, "submit", w.Submit(t.Context(), id, map[string]string{"why": "x"}, "U0ANA"))
	if w.last.View.Hash == "" {
		t.Error("a submission has no hash")
	}
	ok(t, "press", w.Press(t.Context(), p.Channel, p.TS, "q:take", "U0ANA"))
	ok(t, "open", w.client.OpenView(t.Context(), w.last.TriggerID, reason("1")))
	id = w.Views()[0].ID
	is(t, "an old hash", w.client.UpdateView(t.Context(), id, "0.old", reason("2")), slackkit.ErrTooLate)
	ok(t, "update", w.client.UpdateView(t.Context(), id, "", reason("2")))
	if got := w.Views()[0].PrivateMetadata; got != "2" {
		t.Errorf("the modal holds %q", got)
	}
}

func TestChannelName_IsOneThatSlackAllows(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"INC-7 Payments are down!": "inc-7-payments-are-down", "  ": "", "--_a": "_a", "é": "", "a<!channel>b": "a-channel-b", "…a…": "a",
		strings.Repeat("ab ", 60): strings.TrimSuffix(strings.Repeat("ab-", 27)[:80], "-"),
	} {
		if got := slackkit.ChannelName(text); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
	s := fake(t, slackfake.Config{})
	c := client(t, s, nil)
	if err := quick.Check(func(text string) bool {
		name := slackkit.ChannelName("inc " + text)
		_, err := c.CreateChannel(t.Context(), name, false)
		return err == nil || errors.Is(err, slackkit.ErrNameTaken)
	}, &quick.Config{MaxCount: 50}); err != nil {
		t.Error(err)
	}
}
