package quarantineslack_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestManifest_Scopes_AreTheLeast fails when the app of the manifest may do more than the
// code calls, so that nobody adds a right in passing.
func TestManifest_Scopes_AreTheLeast(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "slack-manifest.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, below, found := strings.Cut(string(b), "\n    bot:\n")
	section, _, ended := strings.Cut(below, "\nsettings:\n")
	if !found || !ended {
		t.Fatal("the manifest has no scopes before its settings")
	}
	var scopes []string
	reason := ""
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		scope, ok := strings.CutPrefix(line, "- ")
		if !ok {
			reason += line
			continue
		}
		scopes = append(scopes, scope)
		if !strings.HasPrefix(reason, "#") {
			t.Errorf("scope %s has no reason beside it", scope)
		}
		if scope != "chat:write" && !strings.HasPrefix(reason, "# incident") {
			t.Errorf("scope %s is not said to be for incidents, and notices need chat:write alone", scope)
		}
		reason = ""
	}
	want := []string{"chat:write", "commands", "channels:manage", "channels:read", "channels:history", "groups:write", "groups:read", "groups:history",
		"bookmarks:write", "bookmarks:read", "pins:write", "pins:read", "reactions:read", "users:read", "users:read.email"}
	if !slices.Equal(scopes, want) {
		t.Errorf("the app asks for %v, want %v", scopes, want)
	}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(strings.TrimSpace(line), "user:") {
			t.Error("the manifest asks for rights of a person")
		}
	}
}
