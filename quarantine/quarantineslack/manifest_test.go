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
	var scopes []string
	lines := strings.Split(string(b), "\n")
	for i, line := range lines {
		scope, ok := strings.CutPrefix(strings.TrimSpace(line), "- ")
		if !ok {
			continue
		}
		scopes = append(scopes, scope)
		if !strings.HasPrefix(strings.TrimSpace(lines[i-1]), "#") {
			t.Errorf("scope %s has no reason beside it", scope)
		}
	}
	if want := []string{"chat:write"}; !slices.Equal(scopes, want) {
		t.Errorf("the app asks for %v, want %v", scopes, want)
	}
	for _, never := range []string{"slash_commands", "event_subscriptions", "user:"} {
		if slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), never) }) {
			t.Errorf("the manifest has %s", never)
		}
	}
}
