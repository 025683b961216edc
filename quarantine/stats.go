package quarantine

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/theriac/theriac/handlers"
)

const (
	// statsGroups and statsSuspects bound what is counted; statsSubscriptions of how
	// many subscriptions the oldest entry is looked for.
	statsGroups        = 1000
	statsSuspects      = 10_000
	statsSubscriptions = 100
)

// Stats is the store in plain numbers, for metrics: what waits for a person, and
// what must run alone. All processes would be told the same.
type Stats struct {
	// Held counts held entries by subscription and reason, in no order.
	Held []HeldStats
	// Suspects is, by subscription, how many messages wait to run alone.
	Suspects map[string]int
	// Capped: there is more than was counted.
	Capped bool
}

// HeldStats counts the held entries of one subscription and reason.
type HeldStats struct {
	Subscription string
	Reason       handlers.Reason
	Count        int64
	// Oldest is when the subscription's oldest held entry was held, if that is of this
	// reason; else zero.
	Oldest time.Time
}

// Stats asks the store a few small questions, plus one for each subscription that
// has held entries. Ask every few seconds, in one process.
func (s *Service) Stats(ctx context.Context) (Stats, error) {
	groups, err := s.store.GroupList(ctx, Query{Limit: statsGroups})
	if err != nil {
		return Stats{}, err
	}
	type key struct {
		sub    string
		reason handlers.Reason
	}
	counts, held := map[key]int64{}, map[string]bool{}
	for _, g := range groups {
		if n := g.Counts[StateHeld]; n > 0 {
			counts[key{g.Subscription, g.Reason}] += n
			held[g.Subscription] = true
		}
	}
	oldest := map[key]time.Time{}
	asked := 0
	for sub := range held {
		if asked++; asked > statsSubscriptions {
			break
		}
		page, err := s.store.EntryList(ctx, Query{Subscription: sub, States: []State{StateHeld}, OldestFirst: true, Limit: 1})
		if err != nil {
			return Stats{}, err
		}
		for _, e := range page.Entries {
			oldest[key{sub, e.Reason}] = e.HeldAt
		}
	}
	st := Stats{Suspects: map[string]int{}, Capped: len(groups) == statsGroups && groups[len(groups)-1].Counts[StateHeld] > 0}
	for k, n := range counts {
		st.Held = append(st.Held, HeldStats{Subscription: k.sub, Reason: k.reason, Count: n, Oldest: oldest[k]})
	}
	return st, s.countSuspects(ctx, &st)
}

func (s *Service) countSuspects(ctx context.Context, st *Stats) error {
	q := SuspectQuery{States: []SuspectState{SuspectWaiting}, Limit: 1000}
	for n := 0; ; {
		page, err := s.store.SuspectList(ctx, q)
		if err != nil {
			return err
		}
		for _, one := range page {
			st.Suspects[one.Subscription]++
			q.After = one.Seq
		}
		if n += len(page); len(page) < q.PageSize() {
			return nil
		}
		if n >= statsSuspects {
			st.Capped = true
			return nil
		}
	}
}

// LocalStats is what this process alone knows, in plain numbers.
type LocalStats struct {
	// SpoolRecords is how many records wait in the spool, SpoolBytes what all its
	// files take, of SpoolMaxBytes; all 0 without a spool.
	SpoolRecords              int
	SpoolBytes, SpoolMaxBytes int64
	// Reprieved is, by subscription, how many entries that were held as crashed
	// succeeded here on the very build that they were held under: convictions that
	// look false.
	Reprieved map[string]uint64
}

// LocalStats asks nobody and waits for nothing.
func (s *Service) LocalStats() LocalStats {
	st := LocalStats{Reprieved: s.reprieved.all()}
	if p := s.spool; p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		st.SpoolRecords, st.SpoolBytes, st.SpoolMaxBytes = p.records, p.bytes, p.max
	}
	return st
}

// tally counts by name.
type tally struct {
	mu sync.Mutex
	by map[string]uint64
}

func (t *tally) add(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.by == nil {
		t.by = map[string]uint64{}
	}
	t.by[name]++
}

func (t *tally) all() map[string]uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.by)
}

// judge notes a replay that shows that an entry should not have been held.
func (s *Service) judge(e Entry, t Transition) {
	if t.To == StateReplayed && t.Attempt != nil && e.Reason == handlers.ReasonCrashed && e.Build != "" && e.Build == t.Attempt.Build {
		s.reprieved.add(e.Subscription)
	}
}
