package incidenttest

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac/theriac/incident"
)

func watchPromises() []promise {
	return []promise{
		{"Now_Goes", func(b *bundle) {
			b.advance(time.Hour)
			now, err := b.Store.Now(b.ctx)
			b.must(err)
			if now.Before(b.now) {
				b.Errorf("it went back from %s to %s", b.now, now)
			}
		}},
		{"DuePages_LongestOverdueFirst", duePages},
		{"DueNudges_LongestOverdueFirst", dueNudges},
		{"Due_PageByPage", duePageByPage},
		{"Due_FollowsTheDocument", dueFollows},
		{"Sweepable_OpenOrEndedAndChangedWithinTwoDays", sweepable},
		{"Sweepable_WhateverPeopleSayOfItsTimes", sweepableSaid},
		{"Sweepable_PageByPage", sweepablePages},
		{"Prune_RowsAfterThirtyDays", pruneRows},
		{"Prune_EffectsNinetyDaysAfterTheEnd", pruneEffects},
	}
}

// paging returns a change that makes an escalation due in d.
func (b *bundle) paging(d time.Duration) func(*incident.Incident) {
	return func(inc *incident.Incident) {
		inc.Escalations = []incident.Escalation{{ID: "esc-" + inc.ID, State: incident.Paging, DueAt: b.now.Add(d), Started: b.now, Repeat: 1}}
	}
}

func (b *bundle) dueRefs(due []incident.Due, err error) []string {
	b.Helper()
	b.must(err)
	got := []string{}
	for _, d := range due {
		got = append(got, fmt.Sprint(incident.Ref(d.Number), " ", d.At.Sub(b.now)))
		if b.get(d.IncidentID).Number != d.Number {
			b.Errorf("%s is another's id", d.IncidentID)
		}
	}
	return got
}

func duePages(b *bundle) {
	b.declare()
	for _, d := range []time.Duration{-time.Minute, time.Hour, -time.Hour, -time.Second} {
		b.declare(b.paging(d))
	}
	want := []string{"INC-4 -1h0m0s", "INC-2 -1m0s", "INC-5 -1s"}
	b.wantEqual(want, b.dueRefs(b.Store.DuePages(b.ctx, incident.Due{}, 10)), "due")
	b.wantEqual(want[:2], b.dueRefs(b.Store.DuePages(b.ctx, incident.Due{}, 2)), "the first two")
	b.wantEqual([]string{}, b.dueRefs(b.Store.DueNudges(b.ctx, incident.Due{}, 10)), "nudges")
}

func dueNudges(b *bundle) {
	for _, d := range []time.Duration{-time.Minute, time.Hour, -time.Hour} {
		b.declare(func(inc *incident.Incident) { inc.NudgeAt = b.now.Add(d) })
	}
	want := []string{"INC-3 -1h0m0s", "INC-1 -1m0s"}
	b.wantEqual(want, b.dueRefs(b.Store.DueNudges(b.ctx, incident.Due{}, 10)), "due")
	b.wantEqual(want[:1], b.dueRefs(b.Store.DueNudges(b.ctx, incident.Due{}, 1)), "the first")
	b.wantEqual([]string{}, b.dueRefs(b.Store.DuePages(b.ctx, incident.Due{}, 10)), "pages")
}

// duePageByPage: whatever stays due, what comes after it is reached, also where many are due at the same time.
func duePageByPage(b *bundle) {
	long := time.Date(1969, time.July, 20, 20, 17, 0, 0, time.UTC).Sub(b.now) // people may say any time
	want := []string{}
	for _, d := range []time.Duration{long, -time.Hour, -time.Hour, -time.Hour, -time.Minute, -time.Minute, -time.Microsecond} {
		inc := b.declare(b.paging(d), func(inc *incident.Incident) { inc.NudgeAt = b.now.Add(d) })
		want = append(want, fmt.Sprint(inc.Ref(), " ", d))
	}
	for name, due := range map[string]func(context.Context, incident.Due, int) ([]incident.Due, error){
		"pages": b.Store.DuePages, "nudges": b.Store.DueNudges,
	} {
		got, after := []string{}, incident.Due{}
		for len(got) <= len(want) {
			found, err := due(b.ctx, after, 2)
			if got = append(got, b.dueRefs(found, err)...); len(found) == 0 {
				break
			}
			after = found[len(found)-1]
		}
		b.wantEqual(want, got, name)
	}
}

func dueFollows(b *bundle) {
	inc := b.declare(b.paging(time.Minute))
	b.wantEqual([]string{}, b.dueRefs(b.Store.DuePages(b.ctx, incident.Due{}, 10)), "before")
	inc = b.save(inc, b.paging(-time.Minute))
	b.wantEqual([]string{"INC-1 -1m0s"}, b.dueRefs(b.Store.DuePages(b.ctx, incident.Due{}, 10)), "then")
	b.save(inc, func(inc *incident.Incident) { inc.Escalations[0].State = incident.Acked })
	b.wantEqual([]string{}, b.dueRefs(b.Store.DuePages(b.ctx, incident.Due{}, 10)), "after the ack")
}

// ended returns a change that ends an incident d ago.
func (b *bundle) ended(s incident.Status, d time.Duration) func(*incident.Incident) {
	return func(inc *incident.Incident) {
		inc.Times.Created, inc.Times.Updated = b.now.Add(-d), b.now.Add(-d)
		status(s)(inc)
	}
}

func sweepable(b *bundle) {
	want := []string{}
	for _, s := range []incident.Status{incident.Triage, incident.Fixing, incident.Paused} {
		want = append(want, b.declare(b.ended(s, 100*24*time.Hour)).ID)
	}
	for _, s := range []incident.Status{incident.Documenting, incident.Closed, incident.Merged} {
		want = append(want, b.declare(b.ended(s, 47*time.Hour)).ID)
		b.declare(b.ended(s, 49*time.Hour))
	}
	found, err := b.Store.Sweepable(b.ctx, "", 100)
	b.must(err)
	b.wantEqual(want, sweptIDs(found), "ids")
	for _, d := range found {
		inc, err := b.Store.Get(b.ctx, d.IncidentID)
		b.must(err)
		b.wantEqual([]any{inc.Number, inc.Times.Updated}, []any{d.Number, d.At}, "number and time")
	}
	b.advance(2 * time.Hour)
	found, err = b.Store.Sweepable(b.ctx, "", 100)
	b.must(err)
	b.wantEqual(want[:3], sweptIDs(found), "two hours later")
}

// sweepableSaid: the end counts as it was recorded. People may say any day of it, also later.
func sweepableSaid(b *bundle) {
	want := []string{}
	for _, said := range []time.Time{b.now.AddDate(-1, 0, 0), b.now.AddDate(1, 0, 0)} {
		say := func(inc *incident.Incident) { inc.Times.Resolved, inc.Times.Closed = said, said }
		for _, s := range []incident.Status{incident.Documenting, incident.Closed, incident.Declined} {
			want = append(want, b.declare(b.ended(s, 47*time.Hour), say).ID)
			b.declare(b.ended(s, 49*time.Hour), say)
		}
	}
	late := b.declare(b.ended(incident.Documenting, 100*24*time.Hour))
	b.save(late, func(inc *incident.Incident) { inc.Status, inc.Times.Updated = incident.Closed, b.now })
	want = append(want, late.ID) // what its close asks for may be missing
	found, err := b.Store.Sweepable(b.ctx, "", 100)
	b.must(err)
	b.wantEqual(want, sweptIDs(found), "ids")
}

func sweptIDs(found []incident.Due) (ids []string) {
	for _, d := range found {
		ids = append(ids, d.IncidentID)
	}
	return ids
}

func sweepablePages(b *bundle) {
	want := []string{}
	for range 5 {
		want = append(want, b.declare().ID)
	}
	got, after := []string{}, ""
	for {
		found, err := b.Store.Sweepable(b.ctx, after, 2)
		b.must(err)
		ids := sweptIDs(found)
		if len(ids) == 0 || len(got) > len(want) {
			break
		}
		got, after = append(got, ids...), ids[len(ids)-1]
	}
	b.wantEqual(want, got, "ids")
}

// prune prunes until nothing is left to prune, and returns how many went.
func (b *bundle) prune() (n int) {
	b.Helper()
	for {
		some, err := b.Store.Prune(b.ctx, 2)
		b.must(err)
		if some > 2 {
			b.Errorf("pruned %d, want at most 2", some)
		}
		if some == 0 {
			return n
		}
		n += some
	}
}

func pruneRows(b *bundle) {
	b.accept("1", "2", "3")
	b.published()
	b.accept("waits")
	b.advance(29 * 24 * time.Hour)
	b.wantEqual(0, b.prune(), "after 29 days")
	b.accept("new")
	b.advance(2 * 24 * time.Hour)
	b.wantEqual(3, b.prune(), "after 31 days")
	_, err := b.Store.Inbound(b.ctx, "1")
	b.wantErr(err, incident.ErrNotFound, "an old row")
	for _, id := range []string{"waits", "new"} {
		_, err := b.Store.Inbound(b.ctx, id)
		b.must(err)
	}
}

func pruneEffects(b *bundle) {
	ended := b.declare(b.ended(incident.Closed, 0))
	open := b.declare()
	// People say that it was over long ago, and work on it still.
	said := b.declare(b.ended(incident.Documenting, 0), func(inc *incident.Incident) {
		inc.Times.Resolved = b.now.AddDate(-1, 0, 0)
		inc.Times.Updated = b.now.AddDate(0, 0, 5)
	})
	for _, inc := range []incident.Incident{ended, open, said} {
		for _, key := range []string{"channel:", "topic:", "headline:"} {
			_, err := b.Store.Claim(b.ctx, incident.Claim{Key: key + inc.ID, IncidentID: inc.ID})
			b.must(err)
		}
	}
	b.published()
	b.advance(89 * 24 * time.Hour)
	b.wantEqual(0, b.prune(), "after 89 days")
	b.advance(2 * 24 * time.Hour)
	b.wantEqual(3, b.prune(), "after 91 days")
	for inc, want := range map[string]int{ended.ID: 0, open.ID: 3, said.ID: 3} {
		left, err := b.Store.EffectList(b.ctx, inc)
		b.must(err)
		b.wantEqual(want, len(left), "effects left")
	}
}
