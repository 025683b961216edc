package quarantinetest

import (
	"fmt"
	"slices"
	"testing/quick"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

func listPromises() []promise {
	return []promise{
		{"NothingIsAnEmptyPage", func(b *bundle) {
			b.wantEqual(quarantine.EntryPage{}, b.list(quarantine.Query{}), "page")
		}},
		{"EachFilterSelectsWhatItSays", filters},
		{"PagesJoinToTheWholeInBothOrders", pages},
		{"TheDefaultPageHasThirtyEntries", func(b *bundle) {
			b.holdMany(31)
			page := b.list(quarantine.Query{})
			if len(page.Entries) != 30 || page.Total != 31 || page.TotalCapped || page.Next != page.Entries[29].Seq {
				b.Errorf("%d entries, total %d, capped %v, next %d", len(page.Entries), page.Total, page.TotalCapped, page.Next)
			}
		}},
		{"ATotalAboveTenThousandIsCapped", func(b *bundle) {
			b.fill(10_010)
			page := b.list(quarantine.Query{Limit: 5000})
			if len(page.Entries) != 1000 || page.Total != 10_000 || !page.TotalCapped {
				b.Errorf("%d entries, total %d, capped %v", len(page.Entries), page.Total, page.TotalCapped)
			}
			page = b.list(quarantine.Query{States: []quarantine.State{quarantine.StateDiscarded}})
			if page.Total != 0 || page.TotalCapped {
				b.Errorf("total of none: %d, capped %v", page.Total, page.TotalCapped)
			}
		}},
		{"SearchTakesHostileWords", func(b *bundle) {
			b.holdOne()
			for _, h := range HostileBytes() {
				q := quarantine.Query{Text: h.Bytes, Where: h.Bytes, Build: h.Bytes, Subscription: "billing"}
				if _, err := b.Store.EntryList(b.ctx, q); err != nil {
					b.Errorf("%s: %v", h.Name, err)
				}
			}
			err := quick.Check(func(text string) bool {
				_, err := b.Store.EntryList(b.ctx, quarantine.Query{Text: text})
				return err == nil
			}, &quick.Config{MaxCount: 50})
			b.must(err)
		}},
	}
}

// fill makes n entries.
func (b *bundle) fill(n int) {
	b.Helper()
	if b.Copy != nil {
		b.Copy(b.TB, b.holdOne().ID, n-1)
		return
	}
	for range n / 910 {
		b.holdMany(910)
	}
}

func (b *bundle) holdMany(n int) []quarantine.Entry {
	b.Helper()
	var batch []quarantine.NewEntry
	for range n {
		batch = append(batch, b.entry(b.message()))
	}
	return b.hold(batch...)
}

func filters(b *bundle) {
	odd := b.entry(b.message())
	odd.Entry.Subscription, odd.Entry.Reason, odd.Entry.Build = "mail", handlers.ReasonHung, "v2"
	odd.Entry.Where, odd.Entry.Title = "mail.Send smtp.go:7", "100% of quota_used"
	odd.Entry.Errors = []handlers.ErrorLink{{Text: "outer"}, {Text: "Inner Über cause"}}
	odd.Entry.Fingerprint, odd.Entry.Size = "fp-2", 5000
	plain := b.hold(b.entry(b.message()))[0]
	special := b.hold(odd)[0]
	m := b.joined("w-1")
	b.move(special, quarantine.StateReplaying)
	_, err := b.Store.ClaimReplay(b.ctx, "mail", m.Incarnation())
	b.must(err)
	b.checkFilters(plain.Ref, special)
	b.checkTimes(special)
}

func (b *bundle) checkFilters(plain string, special quarantine.Entry) {
	one, other, both, none := []string{special.Ref}, []string{plain}, []string{special.Ref, plain}, []string{}
	for _, tt := range []struct {
		name string
		q    quarantine.Query
		want []string
	}{
		{"all", quarantine.Query{}, both},
		{"subscription", quarantine.Query{Subscription: "mail"}, one},
		{"group by reference", quarantine.Query{Group: special.Group}, one},
		{"group by fingerprint", quarantine.Query{Group: "fp-2"}, one},
		{"state", quarantine.Query{States: []quarantine.State{quarantine.StateReplaying}}, one},
		{"states", quarantine.Query{States: quarantine.States()}, both},
		{"reason", quarantine.Query{Reasons: []handlers.Reason{handlers.ReasonHung, handlers.ReasonParked}}, one},
		{"place, any case", quarantine.Query{Where: "SMTP.go"}, one},
		{"title, any case", quarantine.Query{Text: "card DECLINED"}, other},
		{"inner error", quarantine.Query{Text: "inner Über"}, one},
		{"only ASCII is folded", quarantine.Query{Text: "inner über"}, none},
		{"percent is itself", quarantine.Query{Text: "100%"}, one},
		{"underscore is itself", quarantine.Query{Text: "card_declined"}, none},
		{"build", quarantine.Query{Build: "v2"}, one},
		{"build is exact", quarantine.Query{Build: "v"}, none},
		{"larger", quarantine.Query{LargerThan: 4999}, one},
		{"larger is strict", quarantine.Query{LargerThan: 5000}, none},
		{"replays", quarantine.Query{MinReplays: 1}, one},
		{"more replays", quarantine.Query{MinReplays: 2}, none},
		{"joined by and", quarantine.Query{Subscription: "mail", Build: "v1.2.3"}, none},
		{"oldest first", quarantine.Query{OldestFirst: true}, []string{plain, special.Ref}},
	} {
		page := b.list(tt.q)
		b.wantEqual(tt.want, refs(page.Entries), tt.name)
		b.wantEqual(len(tt.want), page.Total, tt.name+": total")
	}
	_, err := b.Store.EntryList(b.ctx, quarantine.Query{Group: "G-ZZZZZ"})
	b.wantErr(err, quarantine.ErrNotFound, "an unknown group")
}

func (b *bundle) checkTimes(e quarantine.Entry) {
	at := e.HeldAt
	found := func(q quarantine.Query) bool { return slices.Contains(refs(b.list(q).Entries), e.Ref) }
	if !found(quarantine.Query{Since: at}) || found(quarantine.Query{Since: at.Add(time.Microsecond)}) {
		b.Error("Since does not mean Since <= HeldAt")
	}
	if found(quarantine.Query{Until: at}) || !found(quarantine.Query{Until: at.Add(time.Microsecond)}) {
		b.Error("Until does not mean HeldAt < Until")
	}
	if !found(quarantine.Query{Since: time.Date(-3000, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}) {
		b.Error("a span of 13,000 years does not cover today")
	}
}

func pages(b *bundle) {
	entries := b.holdMany(23)
	for i, e := range entries {
		if i%3 == 0 {
			b.move(e, quarantine.StateDiscarded)
		}
	}
	for _, oldest := range []bool{false, true} {
		for _, states := range [][]quarantine.State{nil, {quarantine.StateHeld}} {
			q := quarantine.Query{States: states, OldestFirst: oldest, Limit: 1000}
			whole := b.list(q)
			var got []string
			for q.Limit = 4; ; {
				page := b.list(q)
				got = append(got, refs(page.Entries)...)
				b.wantEqual(whole.Total, page.Total, "the total on a later page")
				if q.After = page.Next; q.After == 0 {
					break
				}
			}
			b.wantEqual(refs(whole.Entries), got, fmt.Sprintf("pages, oldest first %v, states %v", oldest, states))
		}
	}
}
