package quarantine

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/theriac/theriac/handlers"
)

const (
	statusGroups  = 1000 // groups that are counted
	statusEntries = 5    // entries and operations that are shown
)

// Status is the whole room at a glance.
type Status struct {
	// At is when it was read, by this process's clock.
	At time.Time
	// Subscriptions are all that have an entry or a living worker, those with
	// held entries first.
	Subscriptions []SubscriptionStatus
	// Held and HeldGroups count the entries that wait for a person and their
	// groups; Capped reports that there are more groups than were counted.
	Held       int64
	HeldGroups int
	Capped     bool
	// OldestHeld is when the oldest held entry was held, zero without one.
	OldestHeld time.Time
	// LastHeld are the latest held entries, LastOperations the latest changes,
	// newest first, at most 5 each.
	LastHeld       []Entry
	LastOperations []AuditRow
	// Workers are the registered workers, dead ones included until reaped.
	Workers []Worker
	// Controls is what people ordered of the flow of messages.
	Controls Controls
}

// SubscriptionStatus is one subscription at a glance.
type SubscriptionStatus struct {
	Name string
	// Counts is the number of entries by state; states without one are absent.
	Counts map[State]int64
	// OldestHeld is when its oldest held entry was held, zero without one.
	OldestHeld time.Time
	// Workers is how many living workers serve it.
	Workers int
	// Breaker is the one that has been open for longest among them, and Breakers how
	// many are, in workers of BreakerBuilds, which are sorted.
	Breaker       handlers.Breaker
	Breakers      int
	BreakerBuilds []string
}

// add counts a living worker.
func (s *SubscriptionStatus) add(w Worker) {
	s.Workers++
	b := w.Obeyed[s.Name].Breaker
	if !b.Open() {
		return
	}
	if s.Breakers++; s.Breakers == 1 || b.OpenSince.Before(s.Breaker.OpenSince) {
		s.Breaker = b
	}
	if i, there := slices.BinarySearch(s.BreakerBuilds, w.Build); !there {
		s.BreakerBuilds = slices.Insert(s.BreakerBuilds, i, w.Build)
	}
}

// Breakers returns the subscriptions that a living worker serves, by name, with their
// workers and breakers; they have no counts. It asks the store for its workers only.
func (s *Service) Breakers(ctx context.Context) ([]SubscriptionStatus, error) {
	workers, err := s.store.Workers(ctx)
	if err != nil {
		return nil, err
	}
	st := Status{Workers: workers}
	st.count(nil)
	return st.Subscriptions, nil
}

// Status reads the room. It asks the store a few small questions, plus one for
// each subscription that has held entries.
func (s *Service) Status(ctx context.Context) (Status, error) {
	st := Status{At: time.Now()}
	groups, err := s.store.GroupList(ctx, Query{Limit: statusGroups})
	if err != nil {
		return st, err
	}
	if st.Workers, err = s.store.Workers(ctx); err != nil {
		return st, err
	}
	if st.Controls, err = s.store.Controls(ctx); err != nil {
		return st, err
	}
	if st.LastOperations, err = s.store.Audit(ctx, "", statusEntries); err != nil {
		return st, err
	}
	page, err := s.store.EntryList(ctx, Query{States: []State{StateHeld}, Limit: statusEntries})
	if err != nil {
		return st, err
	}
	st.LastHeld = page.Entries
	st.count(groups)
	return st, s.oldest(ctx, &st)
}

// count fills in what follows from the groups and workers.
func (st *Status) count(groups []Group) {
	subs := map[string]*SubscriptionStatus{}
	sub := func(name string) *SubscriptionStatus {
		if subs[name] == nil {
			subs[name] = &SubscriptionStatus{Name: name, Counts: map[State]int64{}}
		}
		return subs[name]
	}
	for _, g := range groups {
		for state, n := range g.Counts {
			sub(g.Subscription).Counts[state] += n
		}
		st.Held += g.Counts[StateHeld]
		if g.Counts[StateHeld] > 0 {
			st.HeldGroups++
		}
	}
	for _, w := range st.Workers {
		for _, name := range w.Subscriptions {
			if w.Alive {
				sub(name).add(w)
			}
		}
	}
	st.Capped = len(groups) >= statusGroups
	for _, v := range slices.Collect(maps.Values(subs)) {
		st.Subscriptions = append(st.Subscriptions, *v)
	}
	slices.SortFunc(st.Subscriptions, func(a, b SubscriptionStatus) int {
		return cmp.Or(cmp.Compare(b.Counts[StateHeld], a.Counts[StateHeld]), cmp.Compare(a.Name, b.Name))
	})
}

// oldest asks for the oldest held entry of each subscription that has one.
func (s *Service) oldest(ctx context.Context, st *Status) error {
	for i := range st.Subscriptions {
		sub := &st.Subscriptions[i]
		if sub.Counts[StateHeld] == 0 {
			continue
		}
		page, err := s.store.EntryList(ctx, Query{
			Subscription: sub.Name, States: []State{StateHeld}, OldestFirst: true, Limit: 1,
		})
		if err != nil {
			return err
		}
		if len(page.Entries) == 0 {
			continue
		}
		sub.OldestHeld = page.Entries[0].HeldAt
		if st.OldestHeld.IsZero() || sub.OldestHeld.Before(st.OldestHeld) {
			st.OldestHeld = sub.OldestHeld
		}
	}
	return nil
}
