package incidentslack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers/workflow"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentslack"
	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// chatBundle is a Chat with its workspace.
type chatBundle struct {
	testing.TB
	fake *slackfake.Server
	chat *incidentslack.Chat
}

func newChat(t testing.TB, cfg slackfake.Config) *chatBundle {
	t.Helper()
	fake, err := slackfake.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	client, err := slackkit.New(slackkit.Config{Token: fake.Token(), APIURL: fake.APIURL(), PerChannel: time.Nanosecond, Timeout: 5 * time.Second, MaxWait: time.Second, Allowance: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
	})
	return &chatBundle{TB: t, fake: fake, chat: incidentslack.NewChat(client.Share(slackkit.Critical), nil)}
}

func spec(change ...func(*workflow.ChannelSpec)) workflow.ChannelSpec {
	s := workflow.ChannelSpec{
		IncidentID: "01950000-0000-7000-8000-000000000001", Name: "inc-42-checkout-is-down", Topic: "INC-42 · fixing",
		Bookmarks: []workflow.Bookmark{{Title: "INC-42", URL: "https://inc.example/42"}},
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

func (b *chatBundle) ensure(s workflow.ChannelSpec) incident.Channel {
	b.Helper()
	made, err := b.chat.EnsureChannel(b.Context(), s)
	if err != nil {
		b.Fatal(err)
	}
	return made
}

func (b *chatBundle) channel(id string) slackfake.Channel {
	b.Helper()
	c, ok := b.fake.Channel(id)
	if !ok {
		b.Fatalf("there is no channel %s", id)
	}
	return c
}

// made returns the channels that the app made.
func (b *chatBundle) made() []string {
	var names []string
	for _, c := range b.fake.Channels() {
		if strings.HasPrefix(c.Name, "inc-") {
			names = append(names, c.Name)
		}
	}
	return names
}

func TestEnsureChannel_New_HasTopicPurposeAndBookmarks_AndTheSecondTimeNothingChanges(t *testing.T) {
	t.Parallel()
	b := newChat(t, slackfake.Config{})
	made := b.ensure(spec())
	c := b.channel(made.ID)
	if made.Name != "inc-42-checkout-is-down" || c.Name != made.Name || c.Private || c.Topic != "INC-42 · fixing" {
		t.Errorf("made %+v, which is %+v", made, c)
	}
	if !strings.Contains(c.Purpose, spec().IncidentID) {
		t.Errorf("its purpose %q does not name the incident", c.Purpose)
	}
	if len(c.Bookmarks) != 1 || c.Bookmarks[0].Link != "https://inc.example/42" {
		t.Errorf("bookmarks %+v", c.Bookmarks)
	}
	if again := b.ensure(spec()); again != made {
		t.Errorf("found %+v, made %+v", again, made)
	}
	known := spec(func(s *workflow.ChannelSpec) { s.ID = made.ID })
	if again := b.ensure(known); again != made {
		t.Errorf("by id %+v", again)
	}
	if n := b.fake.Count("conversations.setTopic"); n != 1 {
		t.Errorf("the topic was written %d times", n)
	}
	if n := b.fake.Done("bookmarks.add"); n != 1 {
		t.Errorf("%d bookmarks were added", n)
	}
	known.Topic = "INC-42 · monitoring"
	b.ensure(known)
	if topic := b.channel(made.ID).Topic; topic != "INC-42 · monitoring" {
		t.Errorf("topic %q", topic)
	}
}

// The answer, and then each later call, is lost in every way: there is never a second channel.
func TestEnsureChannel_LostAnswers_OneChannel(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"conversations.create", "conversations.setPurpose", "conversations.setTopic", "bookmarks.add"} {
		for name, fault := range map[string]slackfake.Fault{
			"answer lost": {Reset: true, After: true}, "half an answer": {Cut: true, After: true},
			"a page": {Status: 500, Body: "<html>", After: true}, "never arrived": {Reset: true},
		} {
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				b := newChat(t, slackfake.Config{})
				b.fake.Fail(method, fault)
				if _, err := b.chat.EnsureChannel(t.Context(), spec()); err == nil {
					t.Fatal("a lost answer is no error")
				}
				made := b.ensure(spec())
				if all := b.made(); len(all) != 1 {
					t.Errorf("there are channels %v", all)
				}
				c := b.channel(made.ID)
				if !strings.Contains(c.Purpose, spec().IncidentID) || c.Topic == "" || len(c.Bookmarks) != 1 {
					t.Errorf("the channel lacks something: %+v", c)
				}
			})
		}
	}
}

func TestEnsureChannel_NameTaken_TakesTheNext(t *testing.T) {
	t.Parallel()
	const name = "inc-42-checkout-is-down"
	for what, taken := range map[string]slackfake.Channel{
		"of people":             {Creator: "U0ANA"},
		"that says it is ours":  {Creator: "U0ANA", Purpose: "Theriac incident " + spec().IncidentID},
		"of another incident":   {Creator: "U0THERIAC", Purpose: "Theriac incident 0195-other"},
		"that nobody may see":   {Private: true, Absent: true},
		"that was put away":     {Archived: true, Absent: true},
		"open, for a secret":    {Purpose: "Theriac incident " + spec().IncidentID},
		"open, without purpose": {},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			taken.ID, taken.Name = "C0TAKEN", name
			b := newChat(t, slackfake.Config{Channels: []slackfake.Channel{taken}})
			if strings.HasPrefix(what, "open") {
				made := b.ensure(spec(func(s *workflow.ChannelSpec) { s.Name = "inc-1-own" }))
				taken.Creator = b.channel(made.ID).Creator
				b.fake.SetChannel(taken)
			}
			s := spec(func(s *workflow.ChannelSpec) { s.Private = strings.HasPrefix(what, "open") })
			made := b.ensure(s)
			if c := b.channel(made.ID); made.Name != name+"-2" || c.Private != s.Private {
				t.Errorf("made %+v", c)
			}
			if again := b.ensure(s); again != made {
				t.Errorf("the second time %+v", again)
			}
			if c := b.channel("C0TAKEN"); c.Topic != "" || c.Purpose != taken.Purpose {
				t.Errorf("the other one was changed: %+v", c)
			}
		})
	}
}

// A channel that was made before its incident became private is put away, and nobody else's.
func TestEnsureChannel_Outgrown_IsPutAway(t *testing.T) {
	t.Parallel()
	private := func(s *workflow.ChannelSpec) { s.Private, s.Outgrown, s.Name = true, s.Name, "inc-42" }
	for what, tt := range map[string]struct {
		change func(*slackfake.Channel)
		want   bool
	}{
		"described":           {func(c *slackfake.Channel) {}, true},
		"not yet described":   {func(c *slackfake.Channel) { c.Purpose = "" }, true},
		"of another incident": {func(c *slackfake.Channel) { c.Purpose = "Theriac incident 0195-other" }, false},
		"of people":           {func(c *slackfake.Channel) { c.Creator = "U0ANA" }, false},
		"private":             {func(c *slackfake.Channel) { c.Private = true }, false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			b := newChat(t, slackfake.Config{})
			old := b.channel(b.ensure(spec()).ID)
			tt.change(&old)
			b.fake.SetChannel(old)
			made := b.ensure(spec(private))
			if c := b.channel(made.ID); made.Name != "inc-42" || !c.Private || c.Archived {
				t.Errorf("made %+v", c)
			}
			if again := b.ensure(spec(private)); again != made {
				t.Errorf("the second time %+v", again)
			}
			if got := b.channel(old.ID).Archived; got != tt.want {
				t.Errorf("the other one is archived: %v", got)
			}
		})
	}
}

func TestEnsureChannel_HostileTexts_CallNobody(t *testing.T) {
	t.Parallel()
	b := newChat(t, slackfake.Config{})
	made := b.ensure(spec(func(s *workflow.ChannelSpec) {
		s.Name = "inc-42-" + strings.Repeat("é<!channel>", 40)
		s.Topic = "<!channel> `code` <@U0ANA>\n" + strings.Repeat("x", 400)
		s.Bookmarks = []workflow.Bookmark{{Title: "<!here>", URL: "https://inc.example/"}, {Title: "bad", URL: "javascript:alert(1)"}}
	}))
	c := b.channel(made.ID)
	if strings.ContainsAny(c.Topic+c.Bookmarks[0].Title, "<>`\n") || len(c.Bookmarks) != 1 {
		t.Errorf("it says %+v", c)
	}
}

func TestChat_WhatSlackRefuses_IsSaidInTheWordsOfTheWorkflow(t *testing.T) {
	t.Parallel()
	post := func(b *chatBundle) error {
		_, err := b.chat.Post(b.Context(), workflow.Post{To: workflow.Place{Channel: "C0OPS"}, Key: "k", Card: workflow.Card{Title: "t"}})
		return err
	}
	for name, c := range map[string]struct {
		fault slackfake.Fault
		want  error
	}{
		"archived":      {slackfake.Refused("is_archived"), workflow.Never(fmt.Errorf("x"))},
		"token revoked": {slackfake.Refused("token_revoked"), workflow.Later(fmt.Errorf("x"), time.Minute)},
		"limited":       {slackfake.Limited("30"), workflow.Later(fmt.Errorf("x"), 30*time.Second)},
		"reset":         {slackfake.Fault{Reset: true}, workflow.InDoubt(fmt.Errorf("x"))},
		"broken":        {slackfake.Broken(), workflow.InDoubt(fmt.Errorf("x"))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newChat(t, slackfake.Config{})
			b.fake.Fail("chat.postMessage", c.fault)
			got, want := trouble(post(b)), trouble(c.want)
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// trouble names what the workflow makes of an error. Its fields are its own business.
func trouble(err error) string {
	var outcome, after string
	if t, ok := err.(*workflow.TroubleError); ok { //nolint:errorlint // the very value that the adapter returns
		_, _ = fmt.Sscanf(strings.ReplaceAll(fmt.Sprintf("%#v", t)[len("&workflow.TroubleError{"):], ",", " "), "%s after:%s", &outcome, &after)
	}
	if after != "" && len(after) > 10 {
		after = "a while"
	}
	return outcome + " " + after
}

func TestPost_MessageEditThreadAndPerson_AreFoundByTheirKey(t *testing.T) {
	t.Parallel()
	b := newChat(t, slackfake.Config{})
	ctx := t.Context()
	ana := incident.Person{ID: "ana", Email: "ANA@example.com"}
	first, err := b.chat.Post(ctx, workflow.Post{To: workflow.Place{Channel: "C0OPS"}, Key: "headline:1", Card: workflow.Card{Title: "one"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []workflow.Place{{Channel: "C0OPS"}, {Channel: "C0OPS", Thread: first.ID}, {Person: ana}} {
		if _, found, err := b.chat.FindPost(ctx, to, "k"); err != nil || found {
			t.Errorf("before: %v, %v", found, err)
		}
		b.fake.Fail("chat.postMessage", slackfake.Fault{Reset: true, After: true})
		if _, err := b.chat.Post(ctx, workflow.Post{To: to, Key: "k", Card: workflow.Card{Title: "two"}}); err == nil {
			t.Error("a lost answer is no error")
		}
		got, found, err := b.chat.FindPost(ctx, to, "k")
		if err != nil || !found || got.ID == "" {
			t.Fatalf("%+v: found %v, %v", to, found, err)
		}
		m, ok := b.fake.Message(got.Channel, got.ID)
		if !ok || m.ThreadTS != to.Thread {
			t.Errorf("%+v: it is %+v", to, m)
		}
	}
	if direct := b.channel("D0U0ANA"); !slices.Equal(direct.Members, []string{"U0ANA"}) {
		t.Errorf("the talk is with %v", direct.Members)
	}
	edited, err := b.chat.Post(ctx, workflow.Post{To: workflow.Place{Channel: "C0OPS"}, Key: "headline:1", Edit: &first, Card: workflow.Card{Title: "three"}})
	if err != nil || edited != first {
		t.Errorf("edit: %+v, %v", edited, err)
	}
	if m, _ := b.fake.Message("C0OPS", first.ID); m.Edits != 1 || m.Text != "three" {
		t.Errorf("it says %+v", m)
	}
}

func TestInviteAndArchive_AsItIsAlready_IsSuccess(t *testing.T) {
	t.Parallel()
	b := newChat(t, slackfake.Config{})
	made := b.ensure(spec(func(s *workflow.ChannelSpec) { s.Private = true }))
	for _, p := range []incident.Person{{ID: "ana", SlackID: "U0ANA"}, {ID: "ben", Email: "ben@example.com"}, {ID: "ana", SlackID: "U0ANA"}} {
		if err := b.chat.Invite(t.Context(), made.ID, p); err != nil {
			t.Errorf("%s: %v", p.ID, err)
		}
	}
	if in := b.channel(made.ID).Members; !slices.Equal(in, []string{"U0ANA", "U0BEN"}) {
		t.Errorf("in it are %v", in)
	}
	for _, nobody := range []incident.Person{{ID: "x"}, {ID: "x", Email: "no address"}, {ID: "x", Email: "x@nowhere.example"}, {ID: "x", SlackID: "U0GONE"}} {
		if got := trouble(b.chat.Invite(t.Context(), made.ID, nobody)); got != trouble(workflow.Never(fmt.Errorf("x"))) {
			t.Errorf("%+v: %s", nobody, got)
		}
	}
	for range 2 {
		if err := b.chat.SetArchived(t.Context(), made.ID, true); err != nil {
			t.Error(err)
		}
	}
	if err := b.chat.SetArchived(t.Context(), made.ID, false); err == nil {
		t.Error("Slack lets no app fetch a channel back")
	}
}

func (b *bundle) chat() *incidentslack.Chat { return incidentslack.NewChat(b.client, nil) }
