package slackkit_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// happenings are all that an app of ours is told.
func happenings() []string {
	return []string{"message.channels", "message.groups", "member_joined_channel", "member_left_channel", "reaction_added", "pin_added",
		"channel_rename", "channel_archive", "channel_unarchive", "group_rename", "group_archive", "group_unarchive"}
}

func TestEvents_ReachTheHandlerAsValues(t *testing.T) {
	t.Parallel()
	cfg := slackfake.Config{Events: happenings(), Channels: []slackfake.Channel{
		{ID: "C0OPS", Name: "ops", Members: []string{"U0ANA", "U0BEN"}}, {ID: "G1", Name: "secret", Private: true, Members: []string{"U0ANA"}}}}
	s := &shelf{}
	w := listen(t, cfg, slackkit.Limits{}, s.accept, nothing)
	ok(t, "url_verification", w.VerifyEvents(t.Context()))
	var ts string
	for _, tt := range []struct {
		do   func() error
		kind string
		want slackkit.Interaction
	}{
		{func() (err error) { ts, err = w.Say("C0OPS", "", "U0BEN", "it is the cache"); return err }, "message",
			slackkit.Interaction{User: "U0BEN", Channel: "C0OPS", MessageTS: "ts", Event: slackkit.Event{Text: "it is the cache"}}},
		{func() error { return w.Edit("C0OPS", ts, "U0BEN", "it was the cache") }, "message_changed",
			slackkit.Interaction{User: "U0BEN", Channel: "C0OPS", MessageTS: "ts", Event: slackkit.Event{Author: "U0BEN", Text: "it was the cache"}}},
		{func() error { return w.React("C0OPS", ts, "U0ANA", "eyes") }, "reaction_added",
			slackkit.Interaction{User: "U0ANA", Channel: "C0OPS", MessageTS: "ts", Event: slackkit.Event{Author: "U0BEN", Name: "eyes"}}},
		{func() error { return w.PinMessage("C0OPS", ts, "U0ANA") }, "pin_added",
			slackkit.Interaction{User: "U0ANA", Channel: "C0OPS", MessageTS: "ts", Event: slackkit.Event{Author: "U0BEN", Text: "it was the cache"}}},
		{func() error { return w.Delete("C0OPS", ts, "U0ANA") }, "message_deleted",
			slackkit.Interaction{Channel: "C0OPS", MessageTS: "ts", Event: slackkit.Event{Author: "U0BEN"}}},
		{func() error { return w.Leave("C0OPS", "U0BEN") }, "member_left_channel", slackkit.Interaction{User: "U0BEN", Channel: "C0OPS"}},
		{func() error { return w.client.Invite(t.Context(), "C0OPS", "U0BEN") }, "member_joined_channel",
			slackkit.Interaction{User: "U0BEN", Channel: "C0OPS", Event: slackkit.Event{Author: "U0THERIAC"}}},
		{func() error { return w.Rename("C0OPS", "U0ANA", "operations") }, "channel_rename",
			slackkit.Interaction{Channel: "C0OPS", Event: slackkit.Event{Name: "operations"}}},
		{func() error { return w.Rename("G1", "U0ANA", "secrets") }, "channel_rename",
			slackkit.Interaction{Channel: "G1", Event: slackkit.Event{Name: "secrets"}}},
		{func() error { return w.Archive("C0OPS", "U0ANA") }, "channel_archive", slackkit.Interaction{User: "U0ANA", Channel: "C0OPS"}},
		{func() error { return w.Unarchive("C0OPS", "U0ANA") }, "channel_unarchive", slackkit.Interaction{User: "U0ANA", Channel: "C0OPS"}},
		{func() error {
			_, err := w.client.Post(t.Context(), "C0OPS", slackkit.Message{Text: "ours"})
			return err
		}, "message",
			slackkit.Interaction{User: "U0THERIAC", Channel: "C0OPS", MessageTS: "ours", Event: slackkit.Event{Text: "ours", Bot: true}}},
	} {
		ok(t, tt.kind, tt.do())
		ok(t, tt.kind, w.Settle(t.Context()))
		w.mu.Lock()
		got := w.last
		w.mu.Unlock()
		want := tt.want
		want.Type, want.Team, want.Request, want.Event.Kind = slackkit.EventCallback, w.Team(), "slack:event:"+got.Event.ID, tt.kind
		want.Event.ID, want.Event.TS = got.Event.ID, got.Event.TS
		switch want.MessageTS {
		case "ts":
			want.MessageTS = ts
		case "ours":
			want.MessageTS = got.MessageTS
		}
		if fmt.Sprintf("%#v", plain(got)) != fmt.Sprintf("%#v", plain(want)) || got.Event.ID == "" || got.Event.TS == "" || !s.has(got.Request) {
			t.Errorf("%s is\n%#v, want\n%#v", tt.kind, plain(got), plain(want))
		}
	}
	if len(w.Ephemerals()) != 0 {
		t.Errorf("somebody was told %+v", w.Ephemerals())
	}
}

func TestEvents_StoreFailsOnce_SlackSendsAgain(t *testing.T) {
	t.Parallel()
	s := &shelf{fail: func(n int) error {
		if n == 1 {
			return fmt.Errorf("no store")
		}
		return nil
	}}
	w := listen(t, slackfake.Config{Events: happenings()}, slackkit.Limits{}, s.accept, nothing)
	ok(t, "join", w.Join("C0OPS", "U0ANA"))
	ok(t, "settle", w.Settle(t.Context()))
	if w.Undelivered() != 0 || s.calls != 2 || w.count.Load() != 1 {
		t.Errorf("%d lost, asked to keep it %d times, handled %d times", w.Undelivered(), s.calls, w.count.Load())
	}
}

func TestEvents_BySocket_AreHandledOnce(t *testing.T) {
	t.Parallel()
	p := plugInto(t, fake(t, slackfake.Config{Events: happenings()}), nil)
	p.connected(t)
	ok(t, "join", p.Join("C0OPS", "U0ANA"))
	ok(t, "settle", p.Settle(t.Context()))
	if i := <-p.heard; i.Type != slackkit.EventCallback || i.Event.Kind != slackkit.MemberJoined || i.User != "U0ANA" || i.Channel != "C0OPS" {
		t.Errorf("heard %#v", plain(i))
	}
	ok(t, "stop", p.stop())
	if told := p.Ephemerals(); len(told) != 0 { // the handler answers, and nobody has asked
		t.Errorf("somebody was told %+v", told)
	}
}

func TestEvents_HostileBodies(t *testing.T) {
	t.Parallel()
	w := listen(t, slackfake.Config{}, slackkit.Limits{}, nil, nothing)
	send := func(body string) int {
		return w.send(t, slackfake.SignJSON(w.SigningSecret(), time.Now(), []byte(body)), []byte(body))
	}
	event := func(team, id, inner string) string {
		return fmt.Sprintf(`{"type":"event_callback","team_id":%q,"event_id":%q,"event":%s}`, team, id, inner)
	}
	const joined = `{"type":"member_joined_channel","user":"U1","channel":"C1"}`
	for _, tt := range []struct {
		name, body      string
		status, handled int
	}{
		{"an event", event("T0FAKE", "Ev1", joined), 200, 1},
		{"the same event", event("T0FAKE", "Ev1", joined+" "), 200, 0},
		{"of another workspace", event("T0EVIL", "Ev2", joined), 200, 0},
		{"a guest's", event("T0FAKE", "Ev3", `{"type":"message","user":"U1","channel":"C1","ts":"1.1","user_team":"T0EVIL"}`), 200, 0},
		{"without an id", event("T0FAKE", "", joined), 400, 0},
		{"with a long id", event("T0FAKE", strings.Repeat("x", 5000), joined), 200, 1},
		{"of a kind that we do not hear", event("T0FAKE", "Ev4", `{"type":"emoji_changed"}`), 200, 0},
		{"a system's message", event("T0FAKE", "Ev5", `{"type":"message","subtype":"channel_topic","channel":"C1","ts":"1.1"}`), 200, 0},
		{"a reaction to a file", event("T0FAKE", "Ev6", `{"type":"reaction_added","user":"U1","item":{"type":"file"}}`), 200, 0},
		{"without a channel", event("T0FAKE", "Ev7", `{"type":"member_joined_channel","user":"U1"}`), 200, 0},
		{"a channel of another form", event("T0FAKE", "Ev8", `{"type":"member_joined_channel","user":[1],"channel":[2]}`), 200, 0},
		{"no event", `{"type":"event_callback","team_id":"T0FAKE","event_id":"Ev9"}`, 400, 0},
		{"an event of another form", event("T0FAKE", "Ev10", `[]`), 400, 0},
		{"limited", `{"type":"app_rate_limited","team_id":"T0FAKE"}`, 200, 0},
		{"a list", `[]`, 400, 0}, {"nothing", ``, 400, 0}, {"no type", `{}`, 400, 0},
		{"a challenge of megabytes", `{"type":"url_verification","challenge":"` + strings.Repeat("x", 600) + `"}`, 400, 0},
	} {
		before := w.count.Load()
		if got := send(tt.body); got != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, got, tt.status)
		}
		if n := int(w.count.Load() - before); n != tt.handled {
			t.Errorf("%s: handled %d times, want %d", tt.name, n, tt.handled)
		}
	}
}

func TestEvents_Challenge_IsOnlyForSlack(t *testing.T) {
	t.Parallel()
	w := listen(t, slackfake.Config{}, slackkit.Limits{}, nil, nothing)
	const body = `{"type":"url_verification","challenge":"<script>"}`
	for secret, want := range map[string]int{w.SigningSecret(): 200, "guess": 401} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header = slackfake.SignJSON(secret, time.Now(), []byte(body))
		rec := httptest.NewRecorder()
		w.in.ServeHTTP(rec, r)
		if rec.Code != want || strings.Contains(rec.Body.String(), "challenge") != (want == 200) || strings.Contains(rec.Body.String(), "<script>") {
			t.Errorf("status %d says %q", rec.Code, rec.Body)
		}
		if want == 200 && !strings.HasPrefix(rec.Header().Get("Content-Type"), "application/json") {
			t.Errorf("type %q", rec.Header().Get("Content-Type"))
		}
	}
}

func TestShortcuts_ReachTheHandler(t *testing.T) {
	t.Parallel()
	cfg := slackfake.Config{Shortcuts: []slackfake.Shortcut{{CallbackID: "inc:timeline", Name: "Add to timeline", Message: true}, {CallbackID: "inc:declare", Name: "Declare"}}}
	w := listen(t, cfg, slackkit.Limits{}, nil, nothing)
	ts, err := w.Say("C0OPS", "", "U0BEN", "it was the cache")
	ok(t, "say", err)
	ok(t, "of a message", w.Choose(t.Context(), "inc:timeline", "C0OPS", ts, "U0ANA"))
	i := w.last
	if i.Type != slackkit.MessageAction || i.ActionID != "inc:timeline" || i.Channel != "C0OPS" || i.MessageTS != ts || i.Author != "U0BEN" ||
		i.Value != "it was the cache" || i.User != "U0ANA" || i.Request != "slack:short:"+i.TriggerID {
		t.Errorf("interaction %#v", plain(i))
	}
	ok(t, "global", w.Choose(t.Context(), "inc:declare", "", "", "U0BEN"))
	i = w.last
	if i.Type != slackkit.Shortcut || i.ActionID != "inc:declare" || i.User != "U0BEN" || i.TriggerID == "" || i.Request != "slack:short:"+i.TriggerID {
		t.Errorf("interaction %#v", plain(i))
	}
}

// TestModal_MenusOfPeople reach a Handle as the ids that were chosen.
func TestModal_MenusOfPeople_AreIDs(t *testing.T) {
	t.Parallel()
	w := listen(t, slackfake.Config{}, slackkit.Limits{}, nil, nothing)
	const payload = `{"type":"view_submission","team":{"id":"T0FAKE"},"user":{"id":"U0ANA"},"view":{"id":"V1","hash":"h1","state":{"values":{
		"a":{"x":{"type":"users_select","selected_user":"U1"}},"b":{"x":{"type":"multi_users_select","selected_users":["U1","U2"]}},
		"c":{"x":{"type":"checkboxes","selected_options":[{"value":"1"},{"value":"2"}]}},"d":{"x":{"type":"datepicker","selected_date":"2026-01-02"}},
		"e":{"x":{"type":"conversations_select","selected_conversation":"C1"}},"f":{"x":{"type":"users_select","selected_user":null}}}}}}`
	body := slackfake.Form([]byte(payload))
	if got := w.send(t, slackfake.Sign(w.SigningSecret(), time.Now(), body), body); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	want := "map[a:U1 b:U1,U2 c:1,2 d:2026-01-02 e:C1 f:]"
	if got := fmt.Sprint(w.last.View.Values); got != want || w.last.View.Hash != "h1" {
		t.Errorf("values %s, want %s", got, want)
	}
}
