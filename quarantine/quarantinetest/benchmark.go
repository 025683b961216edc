package quarantinetest

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

// BenchmarkHold measures entries held per second by one caller with batches of
// 200 entries of 1 KB, the largest that the service makes.
func BenchmarkHold(b *testing.B, s quarantine.Store) {
	const size = 200
	n := 0
	for b.Loop() {
		batch := make([]quarantine.NewEntry, size)
		for i := range batch {
			n++
			m := handlers.Message{ID: fmt.Sprint("m-", n), Data: bytes.Repeat([]byte("x"), 1024),
				Attributes: map[string]string{"event_type": "invoice.created"}, PublishedAt: time.Now()}
			batch[i] = newEntry("billing", m, fmt.Sprintf("018f0000-0000-7000-8000-%012x", n))
			batch[i].Entry.Fingerprint = fmt.Sprint("fp-", n%5)
		}
		if _, err := s.HoldEntries(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkList measures a first page of 30 of 10,000 entries with its total.
// settle, if not nil, is called between the filling and the measuring, for what
// an engine does by itself after a while.
func BenchmarkList(b *testing.B, s quarantine.Store, settle func()) {
	for n := range 50 {
		batch := make([]quarantine.NewEntry, 200)
		for i := range batch {
			id := fmt.Sprintf("018f0000-0000-7000-8000-%012x", n*200+i)
			batch[i] = newEntry("billing", handlers.Message{ID: id, Data: []byte("x")}, id)
		}
		if _, err := s.HoldEntries(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	if settle != nil {
		settle()
	}
	for b.Loop() {
		if _, err := s.EntryList(b.Context(), quarantine.Query{States: []quarantine.State{quarantine.StateHeld}}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTell measures one round of a notifier that has 50 groups of 200 entries
// to tell of: what is due, and what was told. All stay due.
func BenchmarkTell(b *testing.B, s quarantine.Store) {
	for n := range 50 {
		batch := make([]quarantine.NewEntry, 200)
		for i := range batch {
			id := fmt.Sprintf("018f0000-0000-7000-8000-%012x", n*200+i)
			batch[i] = newEntry("billing", handlers.Message{ID: id, Data: []byte("x")}, id)
			batch[i].Entry.Fingerprint = fmt.Sprint("fp-", i%50)
		}
		if _, err := s.HoldEntries(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := s.LeadNotices(b.Context(), theNotifier, time.Hour); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		due, err := s.NoticesDue(b.Context(), 0)
		if err != nil {
			b.Fatal(err)
		}
		var puts []quarantine.ToldNotice
		for _, n := range due {
			t := told(n)
			t.Told--
			puts = append(puts, t)
		}
		if err := s.PutNotices(b.Context(), theNotifier, puts); err != nil || len(puts) != 50 {
			b.Fatalf("%d notices are due, %v", len(puts), err)
		}
	}
}
