package quarantinetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

func groupPromises() []promise {
	return []promise{
		{"AGroupIsWhatItsFirstEntryWas", func(b *bundle) {
			first, second := b.entry(b.message()), b.entry(b.message())
			second.Entry.Title, second.Entry.Where, second.Entry.Build = "other title", "other place", "v9"
			second.Basis, second.Entry.Reason = []string{"other"}, handlers.ReasonHung
			held := b.hold(first)[0]
			last := b.hold(second)[0]
			b.wantEqual(held.Group, last.Group, "the group of both")
			b.wantEqual([]quarantine.Group{{
				Ref: held.Group, Fingerprint: "fp-1", Subscription: "billing", Title: "Card declined",
				Where: "billing.Apply handler.go:118", Reason: handlers.ReasonFailed,
				Counts: map[quarantine.State]int64{quarantine.StateHeld: 2}, First: held.HeldAt, Last: last.HeldAt,
				Builds: []string{"v1.2.3", "v9"}, Basis: first.Basis, Changes: 2,
			}}, b.groups(quarantine.Query{}), "groups")
		}},
		{"CountsStayRightThroughEveryTransition", countsStayRight},
		{"CountsAreExactUnderConcurrency", concurrentCounts},
		{"HeldOnesComeFirstThenTheMostRecent", func(b *bundle) {
			for _, fp := range []string{"a", "b", "c", "d"} {
				n := b.entry(b.message())
				n.Entry.Fingerprint = fp
				e := b.hold(n)[0]
				if fp == "d" {
					b.move(e, quarantine.StateDiscarded)
				}
			}
			n := b.entry(b.message())
			n.Entry.Fingerprint = "a"
			b.hold(n)
			var got []string
			for _, g := range b.groups(quarantine.Query{}) {
				got = append(got, g.Fingerprint)
			}
			b.wantEqual([]string{"a", "c", "b", "d"}, got, "order")
			if n := len(b.groups(quarantine.Query{Limit: 2})); n != 2 {
				b.Errorf("%d groups with a limit of 2", n)
			}
		}},
		{"AFilterSelectsTheGroupsThatHaveAMatchingEntry", groupFilters},
		{"AnAmbiguousPrefixListsWhatFits", func(b *bundle) {
			var batch []quarantine.NewEntry
			for i := range 40 {
				n := b.entry(b.message())
				n.Entry.Fingerprint = fmt.Sprint("fp", i)
				batch = append(batch, n)
			}
			seen := make(map[string]int)
			for _, e := range b.hold(batch...) {
				seen[e.Group[:3]]++
			}
			for prefix, n := range seen {
				_, err := b.Store.GroupList(b.ctx, quarantine.Query{Group: prefix})
				if _, ambiguous := errors.AsType[*quarantine.AmbiguousError](err); ambiguous != (n > 1) {
					b.Errorf("%s fits %d groups: %v", prefix, n, err)
				}
			}
		}},
	}
}

func (b *bundle) groups(q quarantine.Query) []quarantine.Group {
	b.Helper()
	groups, err := b.Store.GroupList(b.ctx, q)
	b.must(err)
	return groups
}

// countsAsListed compares the maintained counts of every group with a count of
// its entries.
func (b *bundle) countsAsListed() {
	b.Helper()
	for _, g := range b.groups(quarantine.Query{Limit: 1000}) {
		want := make(map[quarantine.State]int64)
		for _, e := range b.list(quarantine.Query{Group: g.Ref, Limit: 1000}).Entries {
			want[e.State]++
		}
		b.wantEqual(want, g.Counts, "counts of "+g.Ref)
	}
}

func countsStayRight(b *bundle) {
	m := b.join("w-1")
	rnd := rand.New(rand.NewPCG(1, 2))
	var ids []string
	for i := range 12 {
		n := b.entry(b.message())
		n.Entry.Fingerprint = fmt.Sprint("fp-", i%3)
		ids = append(ids, b.hold(n)[0].ID)
	}
	for range 80 {
		e := b.get(ids[rnd.IntN(len(ids))])
		to := quarantine.States()[rnd.IntN(4)]
		_, err := b.Store.Transition(b.ctx, transition(e, to))
		if err == nil != e.State.CanBecome(to) {
			b.Fatalf("%s to %s: %v", e.State, to, err)
		}
		if rnd.IntN(3) == 0 {
			_, err := b.Store.ClaimReplay(b.ctx, "billing", m.Incarnation())
			if err != nil && !errors.Is(err, quarantine.ErrNotFound) {
				b.Fatal(err)
			}
		}
	}
	b.countsAsListed()
	b.Kill(b.TB, m)
	_, err := b.Store.ReapWorkers(b.ctx)
	b.must(err)
	b.countsAsListed()
}

func concurrentCounts(b *bundle) {
	b.together(8, func(i int, s quarantine.Store) {
		for range 5 {
			var batch []quarantine.NewEntry
			for j := range 4 { // the groups in an order of each writer's own
				n := b.entry(b.message())
				n.Entry.Fingerprint = fmt.Sprint("fp-", (i+j)%4)
				batch = append(batch, n)
			}
			results, err := s.HoldEntries(b.ctx, batch)
			if err != nil {
				b.Error(err)
				return
			}
			for _, r := range results[:2] {
				if _, err := s.Transition(b.ctx, transition(r.Entry, quarantine.StateDiscarded)); err != nil {
					b.Error(err)
				}
			}
		}
	})
	b.countsAsListed()
	if n := len(b.groups(quarantine.Query{})); n != 4 {
		b.Errorf("%d groups, want 4", n)
	}
}

func groupFilters(b *bundle) {
	mail := b.entry(b.message())
	mail.Entry.Fingerprint, mail.Entry.Subscription, mail.Entry.Title = "fp-mail", "mail", "quota"
	held := b.hold(mail, b.entry(b.message()), b.entry(b.message()))
	b.move(held[1], quarantine.StateDiscarded)
	for name, tt := range map[string]struct {
		q    quarantine.Query
		want string
	}{
		"subscription": {quarantine.Query{Subscription: "mail"}, "fp-mail"},
		"text":         {quarantine.Query{Text: "QUOTA"}, "fp-mail"},
		"state":        {quarantine.Query{States: []quarantine.State{quarantine.StateDiscarded}}, "fp-1"},
		"group":        {quarantine.Query{Group: strings.ToLower(held[0].Group)}, "fp-mail"},
		"fingerprint":  {quarantine.Query{Group: "fp-1"}, "fp-1"},
		"none":         {quarantine.Query{Build: "v77"}, ""},
	} {
		var got []string
		for _, g := range b.groups(tt.q) {
			got = append(got, g.Fingerprint)
		}
		b.wantEqual(tt.want, strings.Join(got, " "), name)
	}
	got := b.groups(quarantine.Query{States: []quarantine.State{quarantine.StateDiscarded}})[0].Counts
	b.wantEqual(map[quarantine.State]int64{quarantine.StateHeld: 1, quarantine.StateDiscarded: 1}, got,
		"the counts are those of all its entries")
	_, err := b.Store.GroupList(b.ctx, quarantine.Query{Group: "no such group"})
	b.wantErr(err, quarantine.ErrNotFound, "an unknown group")
}
