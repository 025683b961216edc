package quarantinetest

import (
	"strings"
	"sync"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

func holdPromises() []promise {
	return []promise{
		{"AnEntryIsKeptWhole", keepsWhole},
		{"HoldingTwiceChangesNothing", holdsTwice},
		{"TwinsInOneBatchAreOneEntry", func(b *bundle) {
			m := b.message()
			results, err := b.Store.HoldEntries(b.ctx, []quarantine.NewEntry{b.entry(m), b.entry(b.message()), b.entry(m)})
			b.must(err)
			b.wantEqual([]bool{true, true, false},
				[]bool{results[0].Created, results[1].Created, results[2].Created}, "created")
			b.wantEqual(results[0].Entry, results[2].Entry, "the twin")
		}},
		{"AReusedBrokerIdIsAnotherEntry", func(b *bundle) {
			m := b.message()
			first := b.hold(b.entry(m))[0]
			m.PublishedAt = m.PublishedAt.Add(time.Second)
			second := b.hold(b.entry(m))[0]
			if first.ID == second.ID || first.Ref == second.Ref {
				b.Errorf("two messages with one broker id became one entry %s", first.Ref)
			}
		}},
		{"ABatchIsHeldWholeOrNotAtAll", func(b *bundle) {
			good, bad := b.entry(b.message()), b.entry(b.message())
			bad.Entry.ID = good.Entry.ID // two entries cannot have one id
			_, err := b.Store.HoldEntries(b.ctx, []quarantine.NewEntry{good, bad})
			b.wantErr(err, quarantine.ErrRefusedData, "a batch with one id twice")
			if n := b.list(quarantine.Query{}).Total; n != 0 {
				b.Errorf("%d entries of a refused batch are stored", n)
			}
			b.hold(good)
		}},
		{"AnEntryWithoutAnIdentityIsInvalid", func(b *bundle) {
			n := b.entry(b.message())
			n.Identity = [32]byte{}
			_, err := b.Store.HoldEntries(b.ctx, []quarantine.NewEntry{n})
			b.wantErr(err, quarantine.ErrInvalid, "no identity")
		}},
		{"TheDecidingAttemptIsStoredUnlessItWasRecorded", func(b *bundle) {
			m := b.message()
			b.record(m, failure("one"), failure("two"))
			recorded := b.entry(m)
			recorded.AttemptRecorded = true
			if n := len(b.get(b.hold(recorded)[0].ID).Attempts); n != 2 {
				b.Errorf("%d attempts, want the 2 that were recorded", n)
			}
			fresh := b.entry(b.message())
			got := b.get(b.hold(fresh)[0].ID).Attempts
			b.wantEqual([]handlers.Attempt{fresh.Attempt}, got, "the deciding attempt")
		}},
		{"ReferencesAreUniqueUnderConcurrency", uniqueRefs},
		{"OneMessageHeldByManyAtOnceIsOneEntry", func(b *bundle) {
			m := b.message()
			var batches []quarantine.NewEntry
			for range 8 {
				batches = append(batches, b.entry(m))
			}
			var mu sync.Mutex
			created, ids := 0, make(map[string]bool)
			b.together(8, func(i int, s quarantine.Store) {
				results, err := s.HoldEntries(b.ctx, []quarantine.NewEntry{batches[i]})
				if err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				ids[results[0].Entry.ID] = true
				if results[0].Created {
					created++
				}
			})
			if created != 1 || len(ids) != 1 {
				b.Errorf("%d were told that they created it, %d entries were returned, want 1 and 1", created, len(ids))
			}
		}},
		{"AnEmptyBatchIsNothing", func(b *bundle) {
			got, err := b.Store.HoldEntries(b.ctx, nil)
			if err != nil || len(got) != 0 {
				b.Errorf("got %v, %v", got, err)
			}
		}},
	}
}

func keepsWhole(b *bundle) {
	n := b.entry(b.message())
	n.Entry.Degraded = true
	n.Entry.Totals = handlers.Totals{Failures: 5, Crashes: 2}
	before := time.Now()
	held := b.hold(n)[0]

	want := n.Entry
	want.Seq, want.Ref, want.Group = 1, quarantine.EntryRef(1), quarantine.GroupRef(1)
	want.State, want.Version = quarantine.StateHeld, 1
	want.HeldAt, want.ChangedAt = held.HeldAt, held.HeldAt
	want.Attempts = []handlers.Attempt{n.Attempt}
	b.wantEqual(want, b.get(held.ID), "the entry with payload and attempts")

	want.Message.Data, want.Attempts = nil, nil
	b.wantEqual(want, held, "the entry as HoldEntries returned it")
	b.wantEqual([]quarantine.Entry{want}, b.list(quarantine.Query{}).Entries, "the entry in a list")
	if held.HeldAt.Location() != time.UTC || held.HeldAt.Sub(before).Abs() > time.Minute {
		b.Errorf("held at %s, and it is %s", held.HeldAt, before)
	}
}

func holdsTwice(b *bundle) {
	m := b.message()
	first := b.hold(b.entry(m))[0]
	discarded := b.move(first, quarantine.StateDiscarded)
	again := b.entry(m)
	again.Entry.Title = "another title"
	results, err := b.Store.HoldEntries(b.ctx, []quarantine.NewEntry{again})
	b.must(err)
	if results[0].Created {
		b.Error("Created is true for a message that is held already")
	}
	b.wantEqual(discarded, results[0].Entry, "the entry as it stands")
	if n := len(b.get(first.ID).Attempts); n != 1 {
		b.Errorf("%d attempts after holding twice, want 1", n)
	}
	groups, err := b.Store.GroupList(b.ctx, quarantine.Query{})
	b.must(err)
	b.wantEqual(map[quarantine.State]int64{quarantine.StateDiscarded: 1}, groups[0].Counts, "the group's counts")
}

func uniqueRefs(b *bundle) {
	const writers, each = 8, 20
	var mu sync.Mutex
	seen := make(map[string]int64)
	b.together(writers, func(_ int, s quarantine.Store) {
		var batch []quarantine.NewEntry
		for range each {
			batch = append(batch, b.entry(b.message()))
		}
		results, err := s.HoldEntries(b.ctx, batch)
		if err != nil {
			b.Error(err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, r := range results {
			seen[r.Entry.Ref] = r.Entry.Seq
		}
	})
	if len(seen) != writers*each {
		b.Errorf("%d entries have %d references", writers*each, len(seen))
	}
	for ref, seq := range seen {
		if quarantine.EntryRef(seq) != ref {
			b.Errorf("entry %d has the reference %s, want %s", seq, ref, quarantine.EntryRef(seq))
		}
	}
}

func bytesPromises() []promise {
	var promises []promise
	for _, h := range HostileBytes() {
		promises = append(promises, promise{strings.ReplaceAll(h.Name, " ", "_"), func(b *bundle) { keepsBytes(b, h.Bytes) }})
	}
	return append(promises, promise{"100_attributes", func(b *bundle) {
		m := b.message()
		m.Attributes = HostileAttributes()
		got := b.get(b.hold(b.entry(m))[0].ID)
		b.wantEqual(m.Attributes, got.Message.Attributes, "attributes")
	}}, promise{"far_off_publish_times", func(b *bundle) {
		for _, at := range []time.Time{{}, time.Unix(0, 0), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
			time.Date(-4000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(200_000, 1, 1, 0, 0, 0, 0, time.UTC)} {
			m := b.message()
			m.PublishedAt = at
			got := b.get(b.hold(b.entry(m))[0].ID)
			if !got.Message.PublishedAt.Equal(at) {
				b.Errorf("published at %s came back as %s", at, got.Message.PublishedAt)
			}
		}
	}})
}

// keepsBytes puts s wherever the outside can put bytes, and lets the entry walk
// through everything that a store does with it.
func keepsBytes(b *bundle, s string) {
	short := s[:min(len(s), 1024)]
	m := b.message()
	m.ID, m.Data, m.OrderingKey = "id "+short, []byte(s), short
	m.Attributes = map[string]string{"value": short, "key " + short: "x"}
	n := b.entry(m)
	n.Entry.Title, n.Entry.Where, n.Entry.Hint, n.Entry.Build = short, short, short, short
	n.Entry.Errors = []handlers.ErrorLink{{Type: short, Text: short}}
	n.Basis = []string{short}
	n.Attempt.Errors, n.Attempt.Panic, n.Attempt.Stack = n.Entry.Errors, short, s[:min(len(s), 64<<10)]
	n.Attempt.Frames = []handlers.Frame{{Func: short, File: short, Line: 1}}

	b.record(m, n.Attempt)
	n.AttemptRecorded = true
	held := b.hold(n)[0]
	got := b.get(held.ID)
	want := n.Entry
	if want.Message.Data == nil {
		want.Message.Data = []byte{}
	}
	b.wantEqual(want.Message, got.Message, "the message")
	b.wantEqual([]any{want.Title, want.Where, want.Hint, want.Build, want.Errors},
		[]any{got.Title, got.Where, got.Hint, got.Build, got.Errors}, "the evidence")
	b.wantEqual([]handlers.Attempt{n.Attempt}, got.Attempts, "the attempts")

	b.wantEqual([]string{held.Ref}, refs(b.list(quarantine.Query{Text: short, Where: short, Build: short}).Entries), "search")
	groups, err := b.Store.GroupList(b.ctx, quarantine.Query{})
	b.must(err)
	b.wantEqual([]any{short, short, quarantine.AddBuild(nil, short), []string{short}},
		[]any{groups[0].Title, groups[0].Where, groups[0].Builds, groups[0].Basis}, "the group")

	byMessage, err := b.Store.EntryGet(b.ctx, quarantine.EntryKey{MessageID: m.ID}, quarantine.GetOptions{})
	b.must(err)
	b.wantEqual(held.ID, byMessage.ID, "found by the broker's id")
	changes := b.changes(0)
	b.wantEqual(handlers.StandingDecided, changes[m.ID], "the mark")

	t := transition(held, quarantine.StateDiscarded)
	t.Decision.Reason, t.Decision.Actor.Name = short, short
	after, err := b.Store.Transition(b.ctx, t)
	b.must(err)
	rows, err := b.Store.Audit(b.ctx, held.ID, 10)
	b.must(err)
	b.wantEqual([]string{short, short, short, short}, []string{after.Decided.Reason, after.Decided.Actor.Name,
		rows[0].Decision.Reason, rows[0].Decision.Actor.Name}, "the decision")
}

// changes follows the marks from a cursor to their end, by message id.
func (b *bundle) changes(since int64) map[string]handlers.Standing {
	b.Helper()
	marks := make(map[string]handlers.Standing)
	for more := true; more; {
		c, err := b.Store.Changes(b.ctx, since)
		b.must(err)
		for _, m := range c.Marks {
			marks[m.MessageID] = m.Standing
		}
		since, more = c.Cursor, c.More
	}
	return marks
}
