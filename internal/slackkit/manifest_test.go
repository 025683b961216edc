package slackkit_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/theriac/theriac/internal/slackkit"
	"github.com/theriac/theriac/internal/slackkit/slackfake"
)

// manifest returns the items of the list below a key of the manifest, such as "bot".
func manifest(t *testing.T, key string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "slack-manifest.yaml"))
	ok(t, "manifest", err)
	_, below, found := strings.Cut(string(data), " "+key+":\n")
	if !found {
		t.Fatalf("the manifest has no %s", key)
	}
	var items []string
	for line := range strings.Lines(below) {
		line = strings.TrimSpace(line)
		item, is := strings.CutPrefix(line, "- ")
		if !is && !strings.HasPrefix(line, "#") {
			break
		}
		if is {
			items = append(items, item)
		}
	}
	return items
}

// TestManifest_Scopes_AreEnough calls everything with the scopes of the manifest, and finds what each
// scope is for.
func TestManifest_Scopes_AreEnough(t *testing.T) {
	t.Parallel()
	scopes := manifest(t, "bot")
	calls := func(t *testing.T, have []string) error {
		s := fake(t, slackfake.Config{CheckScopes: true, Scopes: have})
		c, ctx := client(t, s, nil), t.Context()
		for _, private := range []bool{false, true} {
			made, err := c.CreateChannel(ctx, map[bool]string{true: "private", false: "public"}[private], private)
			if err != nil {
				return err
			}
			place, err := c.Post(ctx, made.ID, slackkit.Message{Text: "x", Mark: slackkit.Mark{Type: "h", Key: "k"}})
			if err != nil {
				return err
			}
			for _, call := range []func() error{
				func() error { return c.SetTopic(ctx, made.ID, "x") },
				func() error { return c.SetPurpose(ctx, made.ID, "x") },
				func() error { return c.Invite(ctx, made.ID, "U0ANA") },
				func() error { _, err := c.Channel(ctx, made.ID); return err },
				func() error { _, _, err := c.FindChannel(ctx, made.Name); return err },
				func() error { _, _, err := c.FindPost(ctx, made.ID, "h", "k"); return err },
				func() error { _, _, err := c.FindReply(ctx, place, "h", "k"); return err },
				func() error { _, err := c.AddBookmark(ctx, made.ID, "x", "https://ops.example.com/"); return err },
				func() error { _, err := c.ListBookmarks(ctx, made.ID); return err },
				func() error { return c.Pin(ctx, place) },
				func() error { _, err := c.UserInfo(ctx, "U0ANA"); return err },
				func() error { _, err := c.UserByEmail(ctx, "ana@example.com"); return err },
				func() error { return c.Ephemeral(ctx, made.ID, "U0ANA", "x") },
				func() error { return c.Update(ctx, place, slackkit.Message{Text: "y"}) },
				func() error { return c.Archive(ctx, made.ID) },
			} {
				if err := call(); err != nil {
					return err
				}
			}
		}
		return nil
	}
	ok(t, "with all scopes", calls(t, scopes))
	// Those that only events and commands need, and those that the stand-in does not tell from their
	// public counterparts, are checked by the list of quarantineslack.
	spared := []string{"commands", "pins:read", "reactions:read", "groups:write", "groups:read", "groups:history"}
	for _, without := range scopes {
		rest := slices.DeleteFunc(slices.Clone(scopes), func(one string) bool {
			return one == without || strings.HasPrefix(one, "groups:")
		})
		if err := calls(t, rest); (slackkit.Code(err) == "missing_scope") == slices.Contains(spared, without) {
			t.Errorf("without %s: %v", without, err)
		}
	}
}

// TestManifest_Events_AreThoseThatAreHeard holds what the app asks for against what reaches a Handle.
func TestManifest_Events_AreThoseThatAreHeard(t *testing.T) {
	t.Parallel()
	if got, want := manifest(t, "bot_events"), happenings(); !slices.Equal(got, want) {
		t.Errorf("the app asks for %v, and hears %v", got, want)
	}
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "slack-manifest.yaml"))
	ok(t, "manifest", err)
	for _, id := range regexp.MustCompile(`callback_id: (\S+)`).FindAllStringSubmatch(string(data), -1) {
		if !strings.HasPrefix(id[1], "inc:") {
			t.Errorf("shortcut %s would not be led to the incident room", id[1])
		}
	}
}
