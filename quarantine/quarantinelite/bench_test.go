package quarantinelite_test

import (
	"path/filepath"
	"testing"

	"github.com/theriac/theriac/quarantine/quarantinetest"
)

func BenchmarkHold(b *testing.B) {
	quarantinetest.BenchmarkHold(b, open(b, filepath.Join(b.TempDir(), "quarantine.db")))
}

func BenchmarkList(b *testing.B) {
	quarantinetest.BenchmarkList(b, open(b, filepath.Join(b.TempDir(), "quarantine.db")), nil)
}

func BenchmarkTell(b *testing.B) {
	quarantinetest.BenchmarkTell(b, open(b, filepath.Join(b.TempDir(), "quarantine.db")))
}
