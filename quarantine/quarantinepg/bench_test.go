package quarantinepg_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/theriac/theriac/internal/pgtest"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinetest"
)

// durable is a server that syncs every commit, as in production.
func durable(b *testing.B) string {
	return pgtest.Start(b, pgtest.Options{Migrate: migrate}).Database(b)
}

// BenchmarkHold is of one caller, with payloads of 1 KB in five groups.
func BenchmarkHold(b *testing.B) {
	for _, size := range []int{1, 200} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := open(b, durable(b))
			n := 0
			for b.Loop() {
				batch := make([]quarantine.NewEntry, size)
				for i := range batch {
					n++
					batch[i] = entry(n)
					e := &batch[i].Entry
					e.Fingerprint = fmt.Sprint("fp-", n%5)
					e.Message.Data = bytes.Repeat([]byte("x"), 1024)
					e.Size, e.SHA256 = 1024, sha256.Sum256(e.Message.Data)
				}
				if _, err := s.HoldEntries(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

func BenchmarkList(b *testing.B) {
	url := durable(b)
	quarantinetest.BenchmarkList(b, open(b, url), func() {
		// The server's autovacuum does so within a minute.
		if _, err := connect(b, url).Exec(b.Context(), "ANALYZE"); err != nil {
			b.Fatal(err)
		}
	})
}
