package quarantinelite_test

import (
	"path/filepath"
	"testing"

	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	quarantinetest.RunStoreTests(t, func(t testing.TB) quarantinetest.Harness {
		path := filepath.Join(t.TempDir(), "quarantine.db")
		return quarantinetest.Harness{Store: open(t, path), Other: open(t, path),
			Kill: func(_ testing.TB, m quarantine.Membership) { quarantinelite.Kill(m) }}
	})
}

// open opens the store at path for the length of the test.
func open(t testing.TB, path string) *quarantinelite.Store {
	t.Helper()
	s, err := quarantinelite.Open(t.Context(), quarantinelite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
