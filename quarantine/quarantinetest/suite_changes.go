package quarantinetest

import (
	"fmt"
	"slices"
	"sync"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

func changesPromises() []promise {
	return []promise{
		{"ANewStoreHasNone", func(b *bundle) {
			c, err := b.Store.Changes(b.ctx, 0)
			if err != nil || len(c.Marks) != 0 || len(c.Replays) != 0 || c.More {
				b.Errorf("got %+v, %v", c, err)
			}
		}},
		{"StandingsFollowWhatHappens", func(b *bundle) {
			m := b.message()
			first, err := b.Store.Changes(b.ctx, 0)
			b.must(err)
			step := func(want handlers.Standing, what string) {
				b.Helper()
				b.wantEqual(map[string]handlers.Standing{m.ID: want}, b.changes(first.Cursor), what)
			}
			b.record(m, outcome(handlers.OutcomeFailed))
			step(handlers.StandingFailing, "after a failure")
			b.record(m, outcome(handlers.OutcomeOK))
			step(handlers.StandingNew, "after a success")
			b.record(m, outcome(handlers.OutcomeCrashed))
			step(handlers.StandingFailing, "after a crash")
			b.hold(b.entry(m))
			step(handlers.StandingDecided, "after it was held")
		}},
		{"TheStandingOfAReusedBrokerIdIsTheStrongest", func(b *bundle) {
			m := b.message()
			b.hold(b.entry(m))
			m.PublishedAt = m.PublishedAt.AddDate(0, 0, 1)
			b.record(m, outcome(handlers.OutcomeFailed))
			b.record(m, outcome(handlers.OutcomeOK))
			b.wantEqual(handlers.StandingDecided, b.changes(0)[m.ID], "one message of that id is held")
		}},
		{"FromTheBeginningOnlyWhatIsKnownIsTold", func(b *bundle) {
			cleared, failing := b.message(), b.message()
			b.record(cleared, outcome(handlers.OutcomeFailed), outcome(handlers.OutcomeOK))
			b.record(failing, outcome(handlers.OutcomeFailed))
			b.wantEqual(map[string]handlers.Standing{failing.ID: handlers.StandingFailing}, b.changes(0), "marks")
		}},
		{"ALargeHistoryComesInBatches", func(b *bundle) {
			for range 7 {
				b.holdMany(200)
			}
			if n := len(b.changes(0)); n != 1400 {
				b.Errorf("%d of 1400 messages were told", n)
			}
		}},
		{"ReplaysNamesWhatWaitsForAWorker", func(b *bundle) {
			m := b.joined("w-1")
			b.move(b.holdOne(), quarantine.StateReplaying)
			b.wantEqual([]string{"billing"}, b.replays(), "one waits")
			b.claim(m)
			b.wantEqual([]string(nil), b.replays(), "it is claimed")
		}},
		{"ConcurrentWritersAreNeverSkipped", neverSkips},
	}
}

func (b *bundle) replays() []string {
	b.Helper()
	c, err := b.Store.Changes(b.ctx, 0)
	b.must(err)
	return c.Replays
}

// neverSkips reads with a moving cursor while many write. What was written when
// the writers are done, and only then, must have been told.
func neverSkips(b *bundle) {
	const writers, each = 6, 25
	var mu sync.Mutex
	var want []string
	told := make(map[string]bool)
	done := make(chan struct{})
	b.together(2, func(part int, s quarantine.Store) {
		if part == 1 {
			b.follow(s, done, told)
			return
		}
		defer close(done)
		b.together(writers, func(i int, s quarantine.Store) {
			for n := range each {
				m := handlers.Message{ID: fmt.Sprintf("w%d-%d", i, n)}
				_, err := s.RecordAttempts(b.ctx, records(m, outcome(handlers.OutcomeFailed)))
				if err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				want = append(want, m.ID)
				mu.Unlock()
			}
		})
	})
	for _, id := range slices.Sorted(slices.Values(want)) {
		if !told[id] {
			b.Errorf("%s was committed and never told", id)
		}
	}
	if len(want) != writers*each {
		b.Errorf("%d of %d were written", len(want), writers*each)
	}
}

// follow moves a cursor until the writers are done and nothing is left.
func (b *bundle) follow(s quarantine.Store, done <-chan struct{}, told map[string]bool) {
	var cursor int64
	for last := false; ; {
		select {
		case <-done:
			last = true
		default:
		}
		c, err := s.Changes(b.ctx, cursor)
		if err != nil {
			b.Error(err)
			return
		}
		for _, m := range c.Marks {
			told[m.MessageID] = true
		}
		if cursor = c.Cursor; last && !c.More {
			return
		}
	}
}
