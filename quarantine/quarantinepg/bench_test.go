package quarantinepg_test

import (
	"testing"

	"github.com/theriac/theriac/internal/pgtest"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

// durable is a server that syncs every commit, as in production.
func durable(b *testing.B) string {
	return pgtest.Start(b, pgtest.Options{Migrate: migrate}).Database(b)
}

func BenchmarkHold(b *testing.B) { quarantinetest.BenchmarkHold(b, open(b, durable(b))) }

func BenchmarkList(b *testing.B) {
	url := durable(b)
	quarantinetest.BenchmarkList(b, open(b, url), func() {
		// The server's autovacuum does so within a minute.
		if _, err := connect(b, url).Exec(b.Context(), "ANALYZE"); err != nil {
			b.Fatal(err)
		}
	})
}
