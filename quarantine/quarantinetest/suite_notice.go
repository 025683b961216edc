package quarantinetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/theriac/theriac/quarantine"
)

const theNotifier = "notifier-1"

func noticePromises() []promise {
	return []promise{
		{"AHeldEntryIsDueWithItsGroupAndTheNewestEntry", func(b *bundle) {
			first := b.holdOne()
			newest := b.holdOne()
			due := b.due(0)
			if len(due) != 1 {
				b.Fatalf("%d notices are due, want 1", len(due))
			}
			b.wantEqual(quarantine.Notice{Key: "group:fp-1", Group: b.groups(quarantine.Query{})[0], Latest: newest,
				Waiting: first.HeldAt, ToldNotice: quarantine.ToldNotice{Key: "group:fp-1"}}, due[0], "the notice")
			b.wantEqual(int64(2), due[0].Group.Changes, "changes")
		}},
		{"AnEntryThatWasHeldBeforeIsNoNews", func(b *bundle) {
			n := b.entry(b.message())
			b.hold(n, n)
			b.tell()
			b.hold(n)
			b.wantDue()
		}},
		{"WhatWasToldIsNotDueAndIsRemembered", func(b *bundle) {
			b.holdOne()
			put := quarantine.ToldNotice{Key: "group:fp-1", Told: 1, AuditTold: 7, State: []byte(`{"ts":"1"}`)}
			b.lead()
			b.put(put)
			b.wantDue()
			got := b.notice("group:fp-1")
			if time.Since(got.At).Abs() > time.Minute || got.At.Location() != time.UTC || !got.Waiting.IsZero() {
				b.Errorf("told at %s, waiting since %s", got.At, got.Waiting)
			}
			put.At = got.At
			b.wantEqual(put, got.ToldNotice, "what was put")
			b.wantEqual(b.groups(quarantine.Query{})[0], got.Group, "the group")

			put.Trouble = "channel_not_found"
			b.put(put)
			b.wantEqual(put, b.notice("group:fp-1").ToldNotice, "after one that told nothing")
			put.State = nil
			b.put(put)
			if now := b.notice("group:fp-1"); now.At.Before(put.At) || now.State != nil {
				b.Errorf("after another state: %+v", now.ToldNotice)
			}
		}},
		{"EveryChangeMakesItDueAgain", everyChangeIsDue},
		{"AClaimAndItsReturnAreNoNews", func(b *bundle) {
			m := b.join("w-1")
			b.move(b.holdOne(), quarantine.StateReplaying)
			b.tell()
			b.claim(m)
			b.must(m.Leave(b.ctx))
			b.wantDue()
		}},
		{"AChangeBetweenReadingAndPuttingStaysDue", func(b *bundle) {
			b.holdOne()
			b.lead()
			read := b.due(0)[0]
			b.holdOne()
			b.put(told(read))
			got := b.notice(read.Key)
			if got.Waiting.IsZero() || got.Waiting.Before(read.Waiting) {
				b.Errorf("waiting since %s, and what was told had since %s", got.Waiting, read.Waiting)
			}
			b.wantDue("group:fp-1")
			b.put(told(b.due(0)[0]))
			b.wantDue()
		}},
		{"ToldLessThanBeforeIsDueAgain", func(b *bundle) {
			b.holdOne()
			b.tell()
			b.put(quarantine.ToldNotice{Key: "group:fp-1"})
			b.wantDue("group:fp-1")
		}},
		{"TheOldestUntoldChangeComesFirst", func(b *bundle) {
			b.holdIn("a", "b", "c")
			b.wantDue("group:a", "group:b", "group:c")
			b.lead()
			b.put(told(b.notice("group:a")))
			b.holdIn("c", "b", "a")
			b.wantDue("group:b", "group:c", "group:a")
			b.wantEqual(2, len(b.due(2)), "notices with a limit of 2")
		}},
		{"TheLimitIs100UnlessAskedFor", func(b *bundle) {
			var batch []quarantine.NewEntry
			for i := range 101 {
				n := b.entry(b.message())
				n.Entry.Fingerprint = fmt.Sprint("fp-", i)
				batch = append(batch, n)
			}
			b.hold(batch...)
			b.wantEqual(100, len(b.due(0)), "by default")
			b.wantEqual(101, len(b.due(1_000_000)), "with any limit")
		}},
		{"TroubleKeepsItDueAndShowsInTheStats", troubleShows},
		{"AKeyOfNoGroupIsKept", func(b *bundle) {
			for _, key := range []string{"digest:1", "group:no such"} {
				_, err := b.Store.NoticeGet(b.ctx, key)
				b.wantErr(err, quarantine.ErrNotFound, key)
				b.lead()
				b.put(quarantine.ToldNotice{Key: key, Told: 5, State: []byte("x")})
				got := b.notice(key)
				if got.Key != key || got.Told != 5 || string(got.State) != "x" || got.Group.Ref != "" || got.Latest.ID != "" {
					b.Errorf("%s: %+v", key, got)
				}
			}
			b.wantDue()
		}},
		{"APutIsAllOrNone", func(b *bundle) {
			b.holdIn("a", "b")
			b.lead()
			err := b.Store.PutNotices(b.ctx, theNotifier, []quarantine.ToldNotice{
				{Key: "group:a", Told: 1}, {Key: "digest:1"}, {Key: "group:b", Told: 2}})
			b.wantErr(err, quarantine.ErrInvalid, "to have told of two changes of one")
			b.wantDue("group:a", "group:b")
			_, err = b.Store.NoticeGet(b.ctx, "digest:1")
			b.wantErr(err, quarantine.ErrNotFound, "what came with it")
		}},
		{"WhatIsWrongIsRefused", wrongPuts},
		{"AnyBytesAreKept", hostileNotices},
		{"NothingIsForgottenWhileEntriesComeAndNoticesArePut", concurrentNotices},
	}
}

func leadPromises() []promise {
	return []promise{
		{"OneLeadsUntilItGivesUp", func(b *bundle) {
			stats := b.stats()
			if stats.Holder != "" || !stats.Led.IsZero() {
				b.Errorf("before anybody led: %+v", stats)
			}
			b.wantLead(true, "a", time.Minute)
			b.wantLead(true, "a", time.Hour)
			b.wantLead(false, "b", time.Hour)
			b.wantLead(false, "b", 0)
			if stats = b.stats(); stats.Holder != "a" || time.Since(stats.Led).Abs() > time.Minute {
				b.Errorf("while a leads: %+v", stats)
			}
			b.wantLead(false, "a", 0)
			if stats = b.stats(); stats.Holder != "" || stats.Led.IsZero() {
				b.Errorf("after a gave up: %+v", stats)
			}
			b.wantLead(true, "b", time.Hour)
			b.wantLead(false, "a", time.Hour)
		}},
		{"AnotherLeadsWhenTheTimeIsOver", func(b *bundle) {
			b.wantLead(true, "a", time.Microsecond)
			for {
				leads, err := b.Other.LeadNotices(b.ctx, "b", time.Hour)
				b.must(err)
				if leads {
					break
				}
			}
			b.wantLead(false, "a", time.Hour)
			b.wantEqual("b", b.stats().Holder, "who leads")
		}},
		{"WhoDoesNotLeadPutsNothing", func(b *bundle) {
			b.holdOne()
			put := func(holder string) error {
				return b.Store.PutNotices(b.ctx, holder, []quarantine.ToldNotice{{Key: "group:fp-1", Told: 1}})
			}
			b.wantErr(put("a"), quarantine.ErrClaimLost, "before anybody led")
			b.wantErr(put(""), quarantine.ErrClaimLost, "nobody")
			b.wantLead(true, "a", time.Hour)
			b.wantErr(put("b"), quarantine.ErrClaimLost, "while another leads")
			b.wantErr(b.Store.PutNotices(b.ctx, "b", nil), quarantine.ErrClaimLost, "nothing")
			b.wantLead(false, "a", 0)
			b.wantErr(put("a"), quarantine.ErrClaimLost, "after it gave up")
			b.wantLead(true, "b", time.Hour)
			b.wantErr(put("a"), quarantine.ErrClaimLost, "after another took over")
			b.wantDue("group:fp-1")
			b.must(put("b"))
			b.wantDue()
		}},
		{"OneOfManyLeads", func(b *bundle) {
			for range 5 {
				var leaders atomic.Int64
				var who atomic.Value
				b.together(8, func(i int, s quarantine.Store) {
					holder := fmt.Sprint("n-", i)
					leads, err := s.LeadNotices(b.ctx, holder, time.Hour)
					if err != nil {
						b.Error(err)
					}
					if leads {
						leaders.Add(1)
						who.Store(holder)
					}
				})
				if n := leaders.Load(); n != 1 {
					b.Fatalf("%d lead, want 1", n)
				}
				b.wantLead(false, who.Load().(string), 0)
			}
		}},
		{"AHolderHasAName", func(b *bundle) {
			for _, holder := range []string{"", strings.Repeat("x", 201)} {
				_, err := b.Store.LeadNotices(b.ctx, holder, time.Hour)
				b.wantErr(err, quarantine.ErrInvalid, fmt.Sprintf("a name of %d bytes", len(holder)))
			}
			for _, h := range HostileBytes() {
				if h.Bytes != "" && len(h.Bytes) <= 200 {
					b.wantLead(true, h.Bytes, time.Hour)
					b.wantEqual(h.Bytes, b.stats().Holder, h.Name)
					b.wantLead(false, h.Bytes, 0)
				}
			}
		}},
	}
}

func (b *bundle) wantLead(want bool, holder string, lasts time.Duration) {
	b.Helper()
	got, err := b.Store.LeadNotices(b.ctx, holder, lasts)
	b.must(err)
	if got != want {
		b.Errorf("%q leads for %s: %t, want %t", holder, lasts, got, want)
	}
}

func (b *bundle) lead() {
	b.Helper()
	b.wantLead(true, theNotifier, time.Hour)
}

func (b *bundle) put(told ...quarantine.ToldNotice) {
	b.Helper()
	b.must(b.Store.PutNotices(b.ctx, theNotifier, told))
}

// told is what a notifier puts that has told all that it read.
func told(n quarantine.Notice) quarantine.ToldNotice {
	t := n.ToldNotice
	t.Told, t.Trouble = n.Group.Changes, ""
	return t
}

// tell tells all that is due.
func (b *bundle) tell() {
	b.Helper()
	b.lead()
	for _, n := range b.due(0) {
		b.put(told(n))
	}
	b.wantDue()
}

func (b *bundle) due(limit int) []quarantine.Notice {
	b.Helper()
	due, err := b.Store.NoticesDue(b.ctx, limit)
	b.must(err)
	return due
}

func (b *bundle) wantDue(keys ...string) {
	b.Helper()
	var got []string
	for _, n := range b.due(0) {
		got = append(got, n.Key)
		b.wantEqual(n, b.notice(n.Key), "the notice by its key")
	}
	b.wantEqual(keys, got, "due")
	b.wantEqual(len(keys), b.stats().Due, "due by the stats")
}

func (b *bundle) notice(key string) quarantine.Notice {
	b.Helper()
	n, err := b.Store.NoticeGet(b.ctx, key)
	b.must(err)
	return n
}

func (b *bundle) stats() quarantine.NoticeStats {
	b.Helper()
	stats, err := b.Store.NoticeStats(b.ctx)
	b.must(err)
	return stats
}

// holdIn holds one entry in each of the groups, one after the other.
func (b *bundle) holdIn(fingerprints ...string) (entries []quarantine.Entry) {
	b.Helper()
	for _, fp := range fingerprints {
		n := b.entry(b.message())
		n.Entry.Fingerprint = fp
		entries = append(entries, b.hold(n)...)
	}
	return entries
}

func everyChangeIsDue(b *bundle) {
	e := b.holdOne()
	b.tell()
	worker := b.join("w-1")
	move := func(to quarantine.State) func() {
		return func() { e = b.move(e, to) }
	}
	act := func(verb quarantine.GroupVerb) func() {
		return func() { b.act(b.groups(quarantine.Query{})[0], verb) }
	}
	for _, change := range []struct {
		name string
		make func()
	}{
		{"discarded", move(quarantine.StateDiscarded)},
		{"restored", move(quarantine.StateHeld)},
		{"taken", act(quarantine.GroupTake)},
		{"snoozed", act(quarantine.GroupSnooze)},
		{"released", act(quarantine.GroupRelease)},
		{"another held", func() { b.holdOne() }},
		{"replaying", move(quarantine.StateReplaying)},
		{"held again by a death", func() {
			b.claim(worker)
			b.Kill(b.TB, worker)
			_, err := b.Store.ReapWorkers(b.ctx)
			b.must(err)
		}},
	} {
		before := b.notice("group:fp-1")
		change.make()
		after := b.notice("group:fp-1")
		if after.Group.Changes != before.Group.Changes+1 || after.Told != before.Told || after.Waiting.IsZero() {
			b.Errorf("%s: %d changes became %d, told %d, waiting since %s", change.name,
				before.Group.Changes, after.Group.Changes, after.Told, after.Waiting)
		}
		b.tell()
	}
}

func troubleShows(b *bundle) {
	b.holdIn("a", "b", "c", "d")
	b.lead()
	b.put(quarantine.ToldNotice{Key: "group:a", Trouble: "channel_not_found"})
	oldest := b.notice("group:a").Waiting
	b.put(quarantine.ToldNotice{Key: "group:b", Trouble: "token_revoked"},
		quarantine.ToldNotice{Key: "group:c", Told: 1, Trouble: "was told at last"})
	b.wantDue("group:a", "group:b", "group:d")
	stats := b.stats()
	b.wantEqual(quarantine.NoticeStats{Due: 3, Oldest: oldest, Holder: theNotifier, Led: stats.Led, Troubled: 2,
		Trouble: "token_revoked"}, stats, "stats")
	if n := b.notice("group:a"); !n.At.IsZero() || n.Trouble != "channel_not_found" {
		b.Errorf("nothing was told, and the notice is %+v", n.ToldNotice)
	}
	b.put(told(b.notice("group:a")), told(b.notice("group:b")), told(b.notice("group:d")))
	b.wantEqual(quarantine.NoticeStats{Holder: theNotifier, Led: stats.Led}, b.stats(), "stats when all is told")
}

func wrongPuts(b *bundle) {
	b.holdOne()
	b.lead()
	for name, tt := range map[string][]quarantine.ToldNotice{
		"no key":             {{}},
		"a long key":         {{Key: strings.Repeat("x", 201)}},
		"a long state":       {{Key: "k", State: make([]byte, 8<<10+1)}},
		"less than nothing":  {{Key: "k", Told: -1}},
		"less than no audit": {{Key: "k", AuditTold: -1}},
		"a key twice":        {{Key: "k"}, {Key: "k"}},
	} {
		b.wantErr(b.Store.PutNotices(b.ctx, theNotifier, tt), quarantine.ErrInvalid, name)
	}
	b.put(quarantine.ToldNotice{Key: strings.Repeat("x", 200), State: make([]byte, 8<<10), Trouble: strings.Repeat("t", 2000)})
	if n := len(b.notice(strings.Repeat("x", 200)).Trouble); n != 1000 {
		b.Errorf("%d bytes of the trouble were kept, want 1000", n)
	}
	b.put()
	b.wantDue("group:fp-1")
}

func hostileNotices(b *bundle) {
	b.lead()
	b.holdOne()
	for _, h := range HostileBytes() {
		key := h.Bytes[:min(len(h.Bytes), 200)]
		if key == "" {
			key = "empty"
		}
		put := quarantine.ToldNotice{Key: key, State: []byte(h.Bytes[:min(len(h.Bytes), 8<<10)]),
			Trouble: h.Bytes[:min(len(h.Bytes), 1000)]}
		b.put(put)
		got := b.notice(key)
		if !bytes.Equal(put.State, got.State) || got.Trouble != put.Trouble || got.ToldNotice.Key != key {
			b.Errorf("%s was not kept", h.Name)
		}
		put.Key = "group:fp-1"
		b.put(put)
		if put.Trouble != "" {
			b.wantEqual(put.Trouble, b.stats().Trouble, h.Name+" in the stats")
		}
	}
}

// concurrentNotices tells while entries come: what is told of last must be all.
func concurrentNotices(b *bundle) {
	const writers, rounds = 6, 10
	b.lead()
	var left atomic.Int64
	left.Store(writers)
	b.together(writers+2, func(i int, s quarantine.Store) {
		if i >= writers { // two goroutines of the one notifier
			for left.Load() > 0 {
				if err := tellOnce(b, s); err != nil {
					b.Error(err)
					return
				}
			}
			return
		}
		defer left.Add(-1)
		for j := range rounds {
			n, other := b.entry(b.message()), b.entry(b.message())
			n.Entry.Fingerprint, other.Entry.Fingerprint = fmt.Sprint("fp-", (i+j)%3), fmt.Sprint("fp-", (i+j+1)%3)
			results, err := s.HoldEntries(b.ctx, []quarantine.NewEntry{n, other})
			if err == nil {
				_, err = s.Transition(b.ctx, transition(results[0].Entry, quarantine.StateDiscarded))
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
	for _, g := range b.groups(quarantine.Query{}) {
		n := b.notice(quarantine.GroupNotice(g.Fingerprint))
		if due := n.Told < g.Changes; due == n.Waiting.IsZero() {
			b.Errorf("%s: told %d of %d, waiting since %s", g.Ref, n.Told, g.Changes, n.Waiting)
		}
	}
	b.must(tellOnce(b, b.Store))
	b.wantDue()
	all := int64(0)
	for _, g := range b.groups(quarantine.Query{}) {
		b.wantEqual(g.Changes, b.notice(quarantine.GroupNotice(g.Fingerprint)).Told, "told of "+g.Ref)
		all += g.Changes
	}
	b.wantEqual(int64(3*writers*rounds), all, "changes in all") // two held and one moved in each round
}

// tellOnce tells what is due. That of two goroutines which read first may put
// last: it has told less then, and the group stays due.
func tellOnce(b *bundle, s quarantine.Store) error {
	due, err := s.NoticesDue(b.ctx, 10)
	if err != nil {
		return err
	}
	var puts []quarantine.ToldNotice
	for _, n := range slices.Backward(due) { // in another order than the store's
		puts = append(puts, told(n))
	}
	return s.PutNotices(b.ctx, theNotifier, puts)
}
