package quarantinetest

import (
	"fmt"
	"slices"
	"sync"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

func attemptPromises() []promise {
	return []promise{
		{"FailuresAndCrashesAreCountedApart", func(b *bundle) {
			got := b.record(b.message(), outcome(handlers.OutcomeFailed), outcome(handlers.OutcomePanicked),
				outcome(handlers.OutcomeCrashed), outcome(handlers.OutcomeExited), outcome(handlers.OutcomeTimedOut))
			b.wantEqual([]handlers.Totals{{Failures: 1}, {Failures: 2}, {Failures: 2, Crashes: 1},
				{Failures: 3, Crashes: 1}, {Failures: 4, Crashes: 1}}, got, "totals after each")
		}},
		{"DeferralsAndInterruptionsChangeNoTotal", func(b *bundle) {
			m := b.message()
			b.record(m, outcome(handlers.OutcomeFailed))
			got := b.record(m, outcome(handlers.OutcomeDeferred), outcome(handlers.OutcomeInterrupted))
			b.wantEqual([]handlers.Totals{{Failures: 1}, {Failures: 1}}, got, "totals")
		}},
		{"SuccessClearsBothTotalsAndKeepsTheRows", func(b *bundle) {
			m := b.message()
			got := b.record(m, outcome(handlers.OutcomeFailed), outcome(handlers.OutcomeCrashed),
				outcome(handlers.OutcomeOK), outcome(handlers.OutcomeFailed))
			b.wantEqual([]handlers.Totals{{Failures: 1}, {Failures: 1, Crashes: 1}, {}, {Failures: 1}}, got, "totals")
			n := b.entry(m)
			n.AttemptRecorded = true
			e := b.hold(n)[0]
			if rows := len(b.get(e.ID).Attempts); rows != 4 {
				b.Errorf("%d attempts are kept, want 4", rows)
			}
		}},
		{"TotalsKnowNothingOfOtherMessages", func(b *bundle) {
			m, other := b.message(), b.message()
			batch := slices.Concat(records(m, outcome(handlers.OutcomeFailed)), records(other, outcome(handlers.OutcomeCrashed)),
				records(m, outcome(handlers.OutcomeFailed)))
			got, err := b.Store.RecordAttempts(b.ctx, batch)
			b.must(err)
			b.wantEqual([]handlers.Totals{{Failures: 1}, {Crashes: 1}, {Failures: 2}}, got, "totals")
		}},
		{"AReusedBrokerIdIsAnotherMessage", func(b *bundle) {
			m := b.message()
			b.record(m, outcome(handlers.OutcomeFailed))
			m.PublishedAt = m.PublishedAt.Add(1000) // a microsecond
			b.wantEqual([]handlers.Totals{{Failures: 1}}, b.record(m, outcome(handlers.OutcomeFailed)), "totals")
		}},
		{"TheSameDeathCountsOnce", sameDeath},
		{"TheSameDeathReportedByManyCountsOnce", func(b *bundle) {
			m := b.message()
			death := outcome(handlers.OutcomeCrashed)
			b.together(6, func(_ int, s quarantine.Store) {
				got, err := s.RecordAttempts(b.ctx, records(m, death))
				if err != nil || got[0] != (handlers.Totals{Crashes: 1}) {
					b.Errorf("totals %v, %v", got, err)
				}
			})
		}},
		{"ConcurrentFailuresReturnEachTotalOnce", concurrentFailures},
		{"AnEmptyBatchIsNothing", func(b *bundle) {
			got, err := b.Store.RecordAttempts(b.ctx, nil)
			if err != nil || len(got) != 0 {
				b.Errorf("got %v, %v", got, err)
			}
		}},
		{"FiftyAttemptsAreKeptNewestFirst", keepsFifty},
	}
}

func concurrentFailures(b *bundle) {
	const writers, each = 12, 10
	one, two := b.message(), b.message()
	var mu sync.Mutex
	seen := make(map[string][]int)
	b.together(writers, func(i int, s quarantine.Store) {
		for range each {
			// Half the writers name the messages in the other order.
			batch := slices.Concat(records(one, outcome(handlers.OutcomeFailed)), records(two, outcome(handlers.OutcomeFailed)))
			if i%4 >= 2 {
				slices.Reverse(batch)
			}
			totals, err := s.RecordAttempts(b.ctx, batch)
			if err != nil {
				b.Error(err)
				return
			}
			mu.Lock()
			for j, r := range batch {
				seen[r.MessageID] = append(seen[r.MessageID], totals[j].Failures)
			}
			mu.Unlock()
		}
	})
	var want []int
	for i := range writers * each {
		want = append(want, i+1)
	}
	for id, got := range seen {
		slices.Sort(got)
		b.wantEqual(want, got, "all totals that were returned for "+id)
	}
}

func keepsFifty(b *bundle) {
	m := b.message()
	for i := range 6 {
		var attempts []handlers.Attempt
		for j := range 10 {
			attempts = append(attempts, failure(fmt.Sprint("failure ", i*10+j)))
		}
		b.record(m, attempts...)
	}
	e := b.hold(b.entry(m))[0] // its attempt is the sixty-first
	got := b.get(e.ID).Attempts
	if len(got) != quarantine.AttemptsKept {
		b.Fatalf("%d attempts are kept, want %d", len(got), quarantine.AttemptsKept)
	}
	b.wantEqual("card declined", got[0].Errors[0].Text, "the newest")
	b.wantEqual("failure 59", got[1].Errors[0].Text, "the one before")
	b.wantEqual("failure 11", got[49].Errors[0].Text, "the oldest that is kept")
}

// sameDeath: a worker that dies between recording a death and noting that it did
// records it again.
func sameDeath(b *bundle) {
	m, other := b.message(), b.message()
	death := outcome(handlers.OutcomeCrashed)
	later := death
	later.Started = death.Started.Add(1)
	failed := outcome(handlers.OutcomeFailed) // begun at the same moment
	got := b.record(m, death, death, failed, death, later)
	one, both := handlers.Totals{Crashes: 1}, handlers.Totals{Failures: 1, Crashes: 1}
	b.wantEqual([]handlers.Totals{one, one, both, both, {Failures: 1, Crashes: 2}}, got, "totals in one batch")
	b.wantEqual([]handlers.Totals{{Failures: 2, Crashes: 2}, {Failures: 2, Crashes: 2}}, b.record(m, failed, later), "totals of the next")
	b.wantEqual([]handlers.Totals{one}, b.record(other, death), "totals of another message")
	b.wantEqual([]handlers.Totals{{}, {}, {Failures: 1}},
		b.record(m, outcome(handlers.OutcomeOK), death, failed), "totals after a success, which does not forget who died")
	n := b.entry(m)
	n.AttemptRecorded = true
	b.wantEqual(6, len(b.get(b.hold(n)[0].ID).Attempts), "attempts")
}
