package incidentpg_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentpg"
	"github.com/theriac/theriac/internal/runner"
)

// race calls f n times at once, in turn on stores of different processes.
func race(n int, stores []*incidentpg.Store, f func(i int, s *incidentpg.Store)) {
	var group runner.Group
	start := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-start
			f(i, stores[i%len(stores)])
		})
	}
	close(start)
	group.Wait()
}

// TestRace_SeqHasNoGaps adds events to one incident from many sides, with the document
// and without.
func TestRace_SeqHasNoGaps(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	stores := []*incidentpg.Store{open(t, url), open(t, url)}
	var id ids
	inc, err := stores[0].Create(t.Context(), id.incident(), []incident.Event{id.event("")})
	if err != nil {
		t.Fatal(err)
	}
	const n = 40
	race(n, stores, func(i int, s *incidentpg.Store) {
		change := incident.Change{IncidentID: inc.ID, Events: []incident.Event{id.event(""), id.event("")}}
		for i%4 == 0 {
			now, err := s.Get(t.Context(), inc.ID)
			if err != nil {
				t.Error(err)
				return
			}
			change.Incident, change.Expected = &now, now.Version
			if _, err = s.Save(t.Context(), change); errors.Is(err, incident.ErrConflict) {
				continue
			} else if err != nil {
				t.Error(err)
			}
			return
		}
		if _, err := s.Save(t.Context(), change); err != nil {
			t.Error(err)
		}
	})
	page, err := stores[0].Events(t.Context(), incident.EventFilter{IncidentID: inc.ID, Limit: 1000})
	if err != nil || len(page.Events) != 1+2*n {
		t.Fatalf("%d events, %v, want %d", len(page.Events), err, 1+2*n)
	}
	for i, e := range page.Events {
		if e.Seq != int64(i+1) {
			t.Fatalf("event %d has seq %d", i+1, e.Seq)
		}
	}
	if now, err := stores[1].Get(t.Context(), inc.ID); err != nil || now.Seq != 1+2*n || now.Version != 1+n/4 {
		t.Errorf("seq %d, version %d, %v, want %d and %d", now.Seq, now.Version, err, 1+2*n, 1+n/4)
	}
}

// TestRace_OneHolder creates incidents with the same keys in another order.
func TestRace_OneHolder(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	stores := []*incidentpg.Store{open(t, url), open(t, url)}
	var id ids
	for round := range 10 {
		a, b := incident.Key{Text: fmt.Sprint("a-", round)}, incident.Key{Text: fmt.Sprint("b-", round)}
		var mu sync.Mutex
		refs := make(map[string]int)
		race(12, stores, func(i int, s *incidentpg.Store) {
			keys := []incident.Key{a, b}
			if i%2 == 0 {
				keys = []incident.Key{b, a}
			}
			inc, err := s.Create(t.Context(), id.incident(keys...), nil)
			ref := inc.Ref()
			if exists, ok := errors.AsType[*incident.ExistsError](err); ok {
				ref = exists.Ref
			} else if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			refs[ref]++
		})
		if len(refs) != 1 {
			t.Errorf("round %d: %v", round, refs)
		}
	}
}

// TestRace_Merges moves a key to and fro between two incidents, each pair of saves in
// another order.
func TestRace_Merges(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	stores := []*incidentpg.Store{open(t, url), open(t, url)}
	var id ids
	create := func(keys ...incident.Key) string {
		inc, err := stores[0].Create(t.Context(), id.incident(keys...), nil)
		if err != nil {
			t.Fatal(err)
		}
		return inc.ID
	}
	key := incident.Key{Text: "k"}
	pair := [2]string{create(key), create()}
	race(16, stores, func(i int, s *incidentpg.Store) {
		for {
			var both [2]incident.Incident
			for n := range both {
				inc, err := s.Get(t.Context(), pair[(n+i)%2])
				if err != nil {
					t.Error(err)
					return
				}
				both[n] = inc
			}
			both[0].Keys, both[1].Keys = both[1].Keys, both[0].Keys
			_, err := s.Save(t.Context(), incident.Change{Incident: &both[0], Expected: both[0].Version, Events: []incident.Event{id.event("")}},
				incident.Change{Incident: &both[1], Expected: both[1].Version, Events: []incident.Event{id.event("")}})
			if errors.Is(err, incident.ErrConflict) {
				continue
			} else if err != nil {
				t.Error(err)
			}
			return
		}
	})
	holder, err := stores[0].ByKey(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range pair {
		inc, err := stores[0].Get(t.Context(), ref)
		if err != nil || inc.Version != 17 || (len(inc.Keys) == 1) != (inc.ID == holder.ID) {
			t.Errorf("%s: version %d, keys %v, held by %s, %v", inc.Ref(), inc.Version, inc.Keys, holder.Ref(), err)
		}
	}
}

// TestRace_OneClaim has many claim one effect that nobody knew, then one whose lease
// is over.
func TestRace_OneClaim(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	advance := movableClock(t, url)
	stores := []*incidentpg.Store{open(t, url), open(t, url)}
	for attempt := 1; attempt <= 5; attempt++ {
		var mu sync.Mutex
		mine := 0
		race(16, stores, func(_ int, s *incidentpg.Store) {
			r, err := s.Claim(t.Context(), incident.Claim{Key: "page", Lease: time.Minute})
			if err != nil || r.Effect.Attempt != attempt || r.Mine == (r.Wait > 0) || r.Effect.InDoubt != (attempt > 1) {
				t.Errorf("attempt %d: %+v, %v", attempt, r, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if r.Mine {
				mine++
			}
		})
		if mine != 1 {
			t.Errorf("attempt %d: %d have it", attempt, mine)
		}
		advance(t, time.Minute)
	}
}

// TestRace_Relays has two processes publish what many store.
func TestRace_Relays(t *testing.T) {
	t.Parallel()
	url := postgres.Database(t)
	stores := []*incidentpg.Store{open(t, url), open(t, url)}
	var id ids
	const n = 200
	var mu sync.Mutex
	told := make(map[string]int)
	total := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(told)
	}
	relay := func(s *incidentpg.Store) {
		for total() < n && t.Context().Err() == nil {
			out, err := s.Unpublished(t.Context(), 7)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			for _, o := range out {
				told[o.ID]++
				err = errors.Join(err, s.MarkPublished(t.Context(), o.ID))
			}
			mu.Unlock()
			if err == nil && len(out) == 0 {
				err = s.Wake(t.Context(), 100*time.Millisecond)
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	}
	race(n/10+2, stores, func(i int, s *incidentpg.Store) {
		if i < 2 {
			relay(s)
			return
		}
		for range 5 {
			_, err := s.Create(t.Context(), id.incident(), []incident.Event{id.event("")})
			if err == nil {
				_, err = s.Accept(t.Context(), incident.Inbound{ID: id.next(), Topic: "clock"})
			}
			if err != nil {
				t.Error(err)
			}
		}
	})
	for id, times := range told {
		if times != 1 {
			t.Errorf("%s was published %d times", id, times)
		}
	}
	if out, err := stores[0].Unpublished(t.Context(), 10); err != nil || len(out) != 0 {
		t.Errorf("left: %v, %v", out, err)
	}
}
