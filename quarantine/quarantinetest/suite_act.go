package quarantinetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/theriac/theriac/quarantine"
)

func actPromises() []promise {
	return []promise{
		{"TakeReleaseAndSnoozeSayWhoAndWhen", actsInOrder},
		{"AStaleVersionIsAConflictWithTheGroupAsItStands", func(b *bundle) {
			b.holdOne()
			seen := b.groups(quarantine.Query{})[0]
			now := b.act(seen, quarantine.GroupTake)
			_, err := b.Store.GroupAct(b.ctx, groupAct(seen, quarantine.GroupRelease))
			conflict, ok := errors.AsType[*quarantine.GroupConflictError](err)
			if !ok {
				b.Fatalf("error %v, want a *GroupConflictError", err)
			}
			b.wantEqual(now, conflict.Group, "the group in the conflict")
			b.wantEqual(now, b.groups(quarantine.Query{})[0], "the group")
		}},
		{"AnEntryThatComesIsNoConflict", func(b *bundle) {
			b.holdOne()
			seen := b.groups(quarantine.Query{})[0]
			b.holdOne()
			b.wantEqual(int64(1), b.act(seen, quarantine.GroupTake).Version, "version")
		}},
		{"OneOfManyWinsAndTheLosersAreToldWho", oneActWins},
		{"ARequestIsCarriedOutOnce", requestsOnce},
		{"OneOfManyWithOneRequestIsCarriedOut", oneRequestWins},
		{"AGroupHasManyNames", func(b *bundle) {
			g := b.holdOne().Group
			for i, name := range []string{g, strings.ToLower(g), g[2:], "fp-1"} {
				_, err := b.Store.GroupAct(b.ctx, groupAct(quarantine.Group{Fingerprint: name, Version: int64(i)}, quarantine.GroupTake))
				b.must(err)
			}
			for _, name := range []string{"G-ZZZZZZ", "no such", "\x00", ""} {
				_, err := b.Store.GroupAct(b.ctx, groupAct(quarantine.Group{Fingerprint: name}, quarantine.GroupTake))
				b.wantErr(err, quarantine.ErrNotFound, "act on "+name)
				_, err = b.Store.GroupAudit(b.ctx, name, 0, 0)
				b.wantErr(err, quarantine.ErrNotFound, "audit of "+name)
			}
		}},
		{"WhatIsWrongIsRefusedAndChangesNothing", wrongActs},
		{"AnyBytesAreKept", hostileActs},
		{"TheAuditOfAGroupIsInOrder", groupAudit},
		{"AFollowerOfTheAuditMissesNothing", followedAudit},
	}
}

func groupAct(g quarantine.Group, verb quarantine.GroupVerb) quarantine.GroupAct {
	a := quarantine.GroupAct{Group: g.Fingerprint, Version: g.Version, Verb: verb,
		Decision: quarantine.Decision{
			Actor: quarantine.Actor{Name: "ana", Via: "slack"}, Reason: "I know this one"}}
	if verb == quarantine.GroupSnooze {
		a.Until = time.Now().Add(time.Hour)
	}
	return a
}

// act acts on a group as it was seen and returns it as it then stands.
func (b *bundle) act(g quarantine.Group, verb quarantine.GroupVerb) quarantine.Group {
	b.Helper()
	after, err := b.Store.GroupAct(b.ctx, groupAct(g, verb))
	b.must(err)
	return after
}

func actsInOrder(b *bundle) {
	b.holdOne()
	g := b.groups(quarantine.Query{})[0]
	none := quarantine.Decision{}
	if g.Version != 0 || g.Taken != none || g.Acted != none || !g.SnoozedUntil.IsZero() {
		b.Fatalf("a new group is %+v", g)
	}
	act := func(verb quarantine.GroupVerb, who string) {
		a := groupAct(g, verb)
		a.Decision.Actor.Name = who
		before := g
		var err error
		g, err = b.Store.GroupAct(b.ctx, a)
		b.must(err)
		want := quarantine.Decision{Actor: quarantine.Actor{Name: who, Via: "slack"}, At: g.Acted.At, Reason: "I know this one"}
		b.wantEqual(want, g.Acted, "the act")
		if g.Version != before.Version+1 || g.Changes != before.Changes+1 || time.Since(g.Acted.At).Abs() > time.Minute {
			b.Errorf("%s by %s made it %+v", verb, who, g)
		}
		b.wantEqual(g, b.groups(quarantine.Query{})[0], "as listed")
	}
	act(quarantine.GroupTake, "ana")
	b.wantEqual(g.Acted, g.Taken, "who has it after ana took it")
	first := g
	act(quarantine.GroupSnooze, "bo")
	b.wantEqual(first.Taken, g.Taken, "who has it after bo snoozed it")
	if until := time.Until(g.SnoozedUntil); until < 59*time.Minute || until > 61*time.Minute || g.SnoozedUntil.Location() != time.UTC {
		b.Errorf("snoozed until %s", g.SnoozedUntil)
	}
	act(quarantine.GroupTake, "bo")
	b.wantEqual(g.Acted, g.Taken, "who has it after bo took it")
	if g.SnoozedUntil.IsZero() {
		b.Error("a take ended the snooze")
	}
	act(quarantine.GroupRelease, "cy")
	if g.Taken != none || !g.SnoozedUntil.IsZero() {
		b.Errorf("after the release: %+v", g)
	}
	act(quarantine.GroupSnooze, "cy")
	b.wantEqual(g.Acted, g.Taken, "who has it after a snooze of what nobody had")
}

func oneActWins(b *bundle) {
	b.holdOne()
	for range 5 {
		g := b.groups(quarantine.Query{})[0]
		var mu sync.Mutex
		winners := make(map[string]bool)
		var conflicts []*quarantine.GroupConflictError
		b.together(8, func(i int, s quarantine.Store) {
			a := groupAct(g, quarantine.GroupTake)
			a.Decision.Actor.Name = fmt.Sprint("person ", i)
			_, err := s.GroupAct(b.ctx, a)
			mu.Lock()
			defer mu.Unlock()
			if conflict, ok := errors.AsType[*quarantine.GroupConflictError](err); ok {
				conflicts = append(conflicts, conflict)
			} else if err == nil {
				winners[a.Decision.Actor.Name] = true
			} else {
				b.Error(err)
			}
		})
		if len(winners) != 1 || len(conflicts) != 7 {
			b.Fatalf("%d winners and %d conflicts, want 1 and 7", len(winners), len(conflicts))
		}
		for _, c := range conflicts {
			if !winners[c.Group.Acted.Actor.Name] || c.Group.Version != g.Version+1 {
				b.Errorf("a loser was told %v, and %v won", c, winners)
			}
		}
	}
}

func requestsOnce(b *bundle) {
	held := b.holdIn("a", "b")
	groups := b.groups(quarantine.Query{})
	for _, h := range append(HostileBytes(), Hostile{"plain", "slack:act:1.1:q:take:2.2"}) {
		if h.Bytes == "" || len(h.Bytes) > 200 {
			continue
		}
		a := groupAct(groups[0], quarantine.GroupTake)
		a.Request = h.Bytes
		var err error
		groups[0], err = b.Store.GroupAct(b.ctx, a)
		b.must(err)
		_, err = b.Store.GroupAct(b.ctx, a)
		b.wantErr(err, quarantine.ErrDuplicate, "the same act again: "+h.Name)
		a = groupAct(groups[1], quarantine.GroupTake)
		a.Request = h.Bytes
		_, err = b.Store.GroupAct(b.ctx, a)
		b.wantErr(err, quarantine.ErrDuplicate, "an act on another group: "+h.Name)
		tr := transition(held[1], quarantine.StateDiscarded)
		tr.Request = h.Bytes
		_, err = b.Store.Transition(b.ctx, tr)
		b.wantErr(err, quarantine.ErrDuplicate, "a transition: "+h.Name)
	}
	tr := transition(held[1], quarantine.StateDiscarded)
	tr.Request = "slack:act:3.3"
	e, err := b.Store.Transition(b.ctx, tr)
	b.must(err)
	_, err = b.Store.Transition(b.ctx, tr)
	b.wantErr(err, quarantine.ErrDuplicate, "the same transition again")
	if now := b.get(e.ID); now.Version != 2 || now.State != quarantine.StateDiscarded {
		b.Errorf("the entry is %s, version %d", now.State, now.Version)
	}
	tr = transition(held[0], quarantine.StateReplayed) // refused, so the request is free
	tr.Request = "slack:act:4.4"
	if _, err := b.Store.Transition(b.ctx, tr); errors.Is(err, quarantine.ErrDuplicate) || err == nil {
		b.Errorf("held to replayed: %v", err)
	}
	tr.To = quarantine.StateDiscarded
	_, err = b.Store.Transition(b.ctx, tr)
	b.must(err)
}

func oneRequestWins(b *bundle) {
	for round := range 5 {
		var fps []string
		for i := range 8 {
			fps = append(fps, fmt.Sprint("fp-", round, "-", i))
		}
		held := b.holdIn(fps...)
		var done, again atomic.Int64
		b.together(8, func(i int, s quarantine.Store) {
			request := fmt.Sprint("round ", round)
			var err error
			if i%3 == 0 {
				tr := transition(held[i], quarantine.StateDiscarded)
				tr.Request = request
				_, err = s.Transition(b.ctx, tr)
			} else {
				a := groupAct(quarantine.Group{Fingerprint: fps[i]}, quarantine.GroupTake)
				a.Request = request
				_, err = s.GroupAct(b.ctx, a)
			}
			switch {
			case err == nil:
				done.Add(1)
			case errors.Is(err, quarantine.ErrDuplicate):
				again.Add(1)
			default:
				b.Error(err)
			}
		})
		if done.Load() != 1 || again.Load() != 7 {
			b.Fatalf("%d were carried out and %d refused, want 1 and 7", done.Load(), again.Load())
		}
	}
}

func wrongActs(b *bundle) {
	b.holdOne()
	before := b.groups(quarantine.Query{})[0]
	for name, tt := range map[string]struct {
		change func(a *quarantine.GroupAct)
		want   error
	}{
		"no verb":              {func(a *quarantine.GroupAct) { a.Verb = "" }, quarantine.ErrInvalid},
		"an unknown verb":      {func(a *quarantine.GroupAct) { a.Verb = "\x00burn" }, quarantine.ErrInvalid},
		"nobody":               {func(a *quarantine.GroupAct) { a.Decision.Actor.Name = " " }, quarantine.ErrInvalid},
		"a long request":       {func(a *quarantine.GroupAct) { a.Request = strings.Repeat("x", 201) }, quarantine.ErrInvalid},
		"a snooze without end": {func(a *quarantine.GroupAct) { a.Verb = quarantine.GroupSnooze }, quarantine.ErrInvalid},
		"a snooze of the past": {func(a *quarantine.GroupAct) {
			a.Verb, a.Until = quarantine.GroupSnooze, time.Now().Add(-time.Hour)
		}, quarantine.ErrInvalid},
		"a snooze for ever": {func(a *quarantine.GroupAct) {
			a.Verb, a.Until = quarantine.GroupSnooze, time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC)
		}, quarantine.ErrInvalid},
		"a release of nobody's": {func(a *quarantine.GroupAct) { a.Verb = quarantine.GroupRelease }, quarantine.ErrRefused},
	} {
		a := groupAct(before, quarantine.GroupTake)
		tt.change(&a)
		_, err := b.Store.GroupAct(b.ctx, a)
		b.wantErr(err, tt.want, name)
	}
	tr := transition(b.list(quarantine.Query{}).Entries[0], quarantine.StateDiscarded)
	tr.Request = strings.Repeat("x", 201)
	_, err := b.Store.Transition(b.ctx, tr)
	b.wantErr(err, quarantine.ErrInvalid, "a transition with a long request")
	b.wantEqual(before, b.groups(quarantine.Query{})[0], "the group")
	b.wantEqual(0, len(b.groupAudit("fp-1", 0, 0)), "audit rows")
}

func hostileActs(b *bundle) {
	b.holdOne()
	for _, h := range HostileBytes() {
		if strings.TrimSpace(h.Bytes) == "" {
			continue
		}
		text := h.Bytes[:min(len(h.Bytes), 2000)]
		a := groupAct(b.groups(quarantine.Query{})[0], quarantine.GroupTake)
		a.Decision.Actor.Name, a.Decision.Reason = text, text
		g, err := b.Store.GroupAct(b.ctx, a)
		if err != nil {
			b.Errorf("%s: %v", h.Name, err)
			continue
		}
		if g.Taken.Actor.Name != text || g.Taken.Reason != text {
			b.Errorf("%s was not kept", h.Name)
		}
		b.wantEqual(g, b.groups(quarantine.Query{})[0], h.Name+" in the group")
		rows := b.groupAudit("fp-1", 0, 1000)
		b.wantEqual(g.Taken, rows[len(rows)-1].Decision, h.Name+" in the audit")
	}
}

func (b *bundle) groupAudit(group string, after int64, limit int) []quarantine.AuditRow {
	b.Helper()
	rows, err := b.Store.GroupAudit(b.ctx, group, after, limit)
	b.must(err)
	return rows
}

func groupAudit(b *bundle) {
	held := b.holdIn("a", "b", "a")
	group := func(fp string) quarantine.Group { return b.groups(quarantine.Query{Group: fp})[0] }
	e := b.move(held[0], quarantine.StateDiscarded)
	taken := b.act(group("a"), quarantine.GroupTake)
	b.act(group("b"), quarantine.GroupTake)
	b.move(held[1], quarantine.StateDiscarded)
	snoozed := b.act(group("a"), quarantine.GroupSnooze)
	last := b.move(held[2], quarantine.StateReplaying)

	rows := b.groupAudit("a", 0, 0)
	want := []quarantine.AuditRow{
		{EntryID: e.ID, Ref: e.Ref, From: quarantine.StateHeld, To: quarantine.StateDiscarded, Version: 2, Decision: e.Decided},
		{Ref: taken.Ref, Version: 1, Decision: taken.Acted, Verb: quarantine.GroupTake},
		{Ref: taken.Ref, Version: 2, Decision: snoozed.Acted, Verb: quarantine.GroupSnooze, Until: snoozed.SnoozedUntil},
		{EntryID: last.ID, Ref: last.Ref, From: quarantine.StateHeld, To: quarantine.StateReplaying, Version: 2, Decision: last.Decided},
	}
	n := int64(0)
	for i := range rows {
		if rows[i].N <= n {
			b.Fatalf("row %d has the number %d, after %d", i, rows[i].N, n)
		}
		n = rows[i].N
		if i < len(want) {
			want[i].N = n
		}
	}
	b.wantEqual(want, rows, "the audit of a")
	b.wantEqual(want[1:3], b.groupAudit(taken.Ref, rows[0].N, 2), "two after the first")
	b.wantEqual(0, len(b.groupAudit("a", n, 0)), "after the last")

	all, err := b.Store.Audit(b.ctx, "", 100)
	b.must(err)
	b.wantEqual(6, len(all), "rows in all")
	b.wantEqual(want[2], all[1], "a snooze among all rows")
	of, err := b.Store.Audit(b.ctx, e.ID, 100)
	b.must(err)
	b.wantEqual(want[:1], of, "the audit of an entry")
}

// followedAudit follows a group with a cursor while people act: all is seen, in
// order, each row once.
func followedAudit(b *bundle) {
	const writers, rounds = 6, 8
	b.holdIn("a")
	var left atomic.Int64
	left.Store(writers)
	var seen []quarantine.AuditRow
	follow := func(s quarantine.Store) error {
		after := int64(0)
		if len(seen) > 0 {
			after = seen[len(seen)-1].N
		}
		rows, err := s.GroupAudit(b.ctx, "a", after, 3)
		seen = append(seen, rows...)
		return err
	}
	b.together(writers+1, func(i int, s quarantine.Store) {
		if i == writers {
			for left.Load() > 0 {
				if err := follow(s); err != nil {
					b.Error(err)
					return
				}
			}
			return
		}
		defer left.Add(-1)
		for range rounds {
			n := b.entry(b.message())
			n.Entry.Fingerprint = "a"
			results, err := s.HoldEntries(b.ctx, []quarantine.NewEntry{n})
			if err == nil {
				_, err = s.Transition(b.ctx, transition(results[0].Entry, quarantine.StateDiscarded))
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
	for range writers * rounds { // at most as often as there are rows
		b.must(follow(b.Store))
	}
	b.wantEqual(writers*rounds, len(seen), "rows seen")
	b.wantEqual(b.groupAudit("a", 0, 1000), seen, "what was followed")
}
