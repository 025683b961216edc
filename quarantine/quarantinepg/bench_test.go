package quarantinepg_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/theriac/theriac/handlers"
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
		if _, err := pgtest.Connect(b, url).Exec(b.Context(), "ANALYZE"); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkTell(b *testing.B) {
	quarantinetest.BenchmarkTell(b, open(b, durable(b)))
}

// BenchmarkSnapshot is one write of what a worker runs.
func BenchmarkSnapshot(b *testing.B) {
	for _, size := range []int{64, 512} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := open(b, durable(b))
			m, err := s.Join(b.Context(), quarantine.Worker{Name: "w-1", Subscriptions: []string{"billing"}})
			if err != nil {
				b.Fatal(err)
			}
			running := make([]handlers.Running, size)
			for n := 0; b.Loop(); n++ {
				for i := range running {
					running[i] = handlers.Running{Subscription: "billing", MessageID: fmt.Sprint("1284933119027", n, i)}
				}
				if err := m.Snapshot(b.Context(), running); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDeath is the report of a death with 200 suspects, who then are done.
func BenchmarkDeath(b *testing.B) {
	const size = 200
	s := open(b, durable(b))
	for n := 0; b.Loop(); n++ {
		c := handlers.Crash{ID: fmt.Sprintf("018f0000-0000-7000-8000-%012x", n)}
		var fates []quarantine.SuspectFate
		for i := range size {
			id := fmt.Sprintf("m-%d-%d", n, i)
			c.InFlight = append(c.InFlight, handlers.InFlight{Part: handlers.PartSuspect, Subscription: "billing", ID: id})
			fates = append(fates, quarantine.SuspectFate{Subscription: "billing", MessageID: id,
				Identity: sha256.Sum256([]byte(id)), Fate: handlers.FateDone})
		}
		if _, err := s.AddCrash(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		if err := s.SettleSuspects(b.Context(), fates); err != nil {
			b.Fatal(err)
		}
	}
}
