package slackkit_test

import (
	"errors"
	"testing"

	"github.com/slack-go/slack"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// fake starts a workspace that ends with the test.
func fake(t *testing.T, cfg slackfake.Config) *slackfake.Server {
	t.Helper()
	s, err := slackfake.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// client returns one that talks with s.
func client(t *testing.T, s *slackfake.Server, change func(*slackkit.Config)) *slackkit.Client {
	t.Helper()
	cfg := slackkit.Config{Token: s.Token(), APIURL: s.APIURL(), PerChannel: 1}
	if change != nil {
		change(&cfg)
	}
	c, err := slackkit.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func section(text string) slack.Block {
	return slack.NewSectionBlock(slackkit.Mrkdwn(text), nil, nil)
}

func TestClient_PostUpdateReply_AreSeenInTheChannel(t *testing.T) {
	t.Parallel()
	s := fake(t, slackfake.Config{})
	c := client(t, s, nil)
	place, err := c.Post(t.Context(), "#ops", slackkit.Message{Text: "CONTAINED orders", Blocks: []slack.Block{section("one")}})
	if err != nil {
		t.Fatal(err)
	}
	if place.Channel != "C0OPS" || place.TS == "" {
		t.Fatalf("place %+v, want the channel's id and a timestamp", place)
	}
	if err := c.Update(t.Context(), place, slackkit.Message{Text: "TAKEN by ana"}); err != nil {
		t.Fatal(err)
	}
	under, err := c.Reply(t.Context(), place, slackkit.Message{Text: "replayed"}, true)
	if err != nil {
		t.Fatal(err)
	}
	top, _ := s.Message(place.Channel, place.TS)
	if top.Text != "TAKEN by ana" || top.Blocks != nil || top.Edits != 1 {
		t.Errorf("message %+v, want the new text, no blocks and one edit", top)
	}
	reply, _ := s.Message(under.Channel, under.TS)
	if reply.ThreadTS != place.TS || !reply.Broadcast {
		t.Errorf("reply %+v, want it in the thread and in the channel", reply)
	}
}

func TestClient_Check_SaysWhoWeAre(t *testing.T) {
	t.Parallel()
	s := fake(t, slackfake.Config{Scopes: []string{"chat:write", "commands"}})
	id, err := client(t, s, nil).Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if id.TeamID != s.Team() || id.UserID == "" || len(id.Scopes) != 2 || id.Scopes[0] != "chat:write" {
		t.Errorf("identity %+v", id)
	}
	if id.ClockAhead.Abs().Seconds() > 2 {
		t.Errorf("clock ahead by %s of a server on the same machine", id.ClockAhead)
	}
}

func TestClient_Ephemeral_IsSeenByOneUser(t *testing.T) {
	t.Parallel()
	s := fake(t, slackfake.Config{})
	if err := client(t, s, nil).Ephemeral(t.Context(), "C0OPS", "U0ANA", "ben was first"); err != nil {
		t.Fatal(err)
	}
	if got := s.Ephemerals(); len(got) != 1 || got[0] != (slackfake.Ephemeral{Channel: "C0OPS", User: "U0ANA", Text: "ben was first"}) {
		t.Errorf("ephemeral texts %+v", got)
	}
}

func TestClient_ChannelArchived_IsPermanentAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := fake(t, slackfake.Config{Channels: []slackfake.Channel{{ID: "C0OLD", Name: "old", Archived: true}}})
	_, err := client(t, s, nil).Post(t.Context(), "C0OLD", slackkit.Message{Text: "x"})
	permanent, ok := errors.AsType[*slackkit.PermanentError](err)
	if !ok || permanent.Code != "is_archived" || permanent.Method != "chat.postMessage" {
		t.Fatalf("error %v, want is_archived as a PermanentError", err)
	}
}
