package incidentpg_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentpg"
	"github.com/theriac/theriac/internal/pgtest"
	"github.com/theriac/theriac/internal/runner"
)

// durable is a server that syncs every commit, as in production.
func durable(b *testing.B) string {
	return pgtest.Start(b, pgtest.Options{Migrate: migrate}).Database(b)
}

// declared is an incident as people declare it: some KB, two keys, three events.
func (i *ids) declared() (incident.Incident, []incident.Event) {
	inc := i.incident(incident.Key{Text: "idem:" + i.next()}, incident.Key{Text: "alert:" + i.next(), Open: true})
	inc.Summary = strings.Repeat("cards are declined ", 100)
	inc.Participants = []incident.Participant{{Person: "ana", Kind: incident.Worker}}
	return inc, []incident.Event{i.event("a"), i.event("b"), i.event("")}
}

// relay publishes until the test stops it.
func relay(b *testing.B, s *incidentpg.Store, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		out, err := s.Unpublished(b.Context(), 100)
		var ids []string
		for _, o := range out {
			ids = append(ids, o.ID)
		}
		if err == nil && len(ids) > 0 {
			err = s.MarkPublished(b.Context(), ids...)
		} else if err == nil {
			err = s.Wake(b.Context(), 100*time.Millisecond)
		}
		if err != nil {
			b.Error(err)
			return
		}
	}
}

// latencies reports the median and the slow ones.
func latencies(b *testing.B, all []time.Duration) {
	slices.Sort(all)
	for _, p := range []int{50, 99} {
		b.ReportMetric(float64(all[(len(all)-1)*p/100].Microseconds())/1000, fmt.Sprintf("p%d-ms", p))
	}
	b.ReportMetric(float64(all[len(all)-1].Microseconds())/1000, "max-ms")
}

// paced calls f every 20 ms, however long those before take.
func paced(b *testing.B, f func() error) {
	var group runner.Group
	var mu sync.Mutex
	var all []time.Duration
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for b.Loop() {
		<-tick.C
		group.Go(func() {
			begun := time.Now()
			err := f()
			took := time.Since(begun)
			mu.Lock()
			defer mu.Unlock()
			if all = append(all, took); err != nil {
				b.Error(err)
			}
		})
	}
	group.Wait()
	latencies(b, all)
}

// BenchmarkCreate_50PerSecond is of 50 new incidents a second beside a relay of
// another process. Bare is the least that a durable row costs on this machine at this
// moment: one statement, one small row.
func BenchmarkCreate_50PerSecond(b *testing.B) {
	url := durable(b)
	s, other := open(b, url), open(b, url)
	bare := make(chan *pgx.Conn, 8)
	for range cap(bare) {
		bare <- pgtest.Connect(b, url)
	}
	pgtest.Execute(b, pgtest.Connect(b, url), "CREATE TABLE public.bare (n bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, text text)")
	var id ids
	var relays runner.Group
	stop := make(chan struct{})
	relays.Go(func() { relay(b, other, stop) })
	b.Run("incident", func(b *testing.B) {
		paced(b, func() error {
			inc, evs := id.declared()
			_, err := s.Create(b.Context(), inc, evs)
			return err
		})
	})
	b.Run("bare", func(b *testing.B) {
		paced(b, func() error {
			conn := <-bare
			defer func() { bare <- conn }()
			_, err := conn.Exec(b.Context(), "INSERT INTO public.bare (text) VALUES ('x')")
			return err
		})
	})
	close(stop)
	relays.Wait()
}

// BenchmarkCreate is of callers that never rest.
func BenchmarkCreate(b *testing.B) {
	for _, callers := range []int{1, 8} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			s := open(b, durable(b))
			var id ids
			b.SetParallelism(callers) // for each processor
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					inc, evs := id.declared()
					if _, err := s.Create(b.Context(), inc, evs); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkSave is of one caller: the document with an event, or the event alone.
func BenchmarkSave(b *testing.B) {
	s := open(b, durable(b))
	var id ids
	inc, evs := id.declared()
	inc, err := s.Create(b.Context(), inc, evs)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("document", func(b *testing.B) {
		for b.Loop() {
			after, err := s.Save(b.Context(), incident.Change{Incident: &inc, Expected: inc.Version, Events: []incident.Event{id.event("")}})
			if err != nil {
				b.Fatal(err)
			}
			inc = after[0]
		}
	})
	b.Run("event", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Save(b.Context(), incident.Change{IncidentID: inc.ID, Events: []incident.Event{id.event("")}}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkClaim is one effect, claimed and finished.
func BenchmarkClaim(b *testing.B) {
	s := open(b, durable(b))
	n := 0
	for b.Loop() {
		n++
		key := fmt.Sprint("page:", n)
		r, err := s.Claim(b.Context(), incident.Claim{Key: key, IncidentID: "i"})
		if err = errors.Join(err, s.Finish(b.Context(), key, r.Effect.Attempt, incident.EffectEnd{})); err != nil {
			b.Fatal(err)
		}
	}
}
