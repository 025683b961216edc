package quarantinetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

func suspectPromises() []promise {
	return []promise{
		{"ThoseWhoMustRunAloneWait", func(b *bundle) {
			var flights []handlers.InFlight
			for _, p := range []handlers.Part{handlers.PartCulprit, handlers.PartBystander, handlers.PartSuspect,
				handlers.PartSettling, handlers.PartTimedOut} {
				flights = append(flights, inFlight(b.message(), p))
			}
			flights[2].IDCut = true
			r := b.addCrash(b.crash(flights...))
			var want []quarantine.Suspect
			for i, f := range []handlers.InFlight{flights[0], flights[2], flights[4]} {
				want = append(want, quarantine.Suspect{Seq: int64(i + 1), Crash: r.Ref, ReportedAt: r.ReportedAt,
					Subscription: "billing", MessageID: f.ID, IDCut: f.IDCut, PublishedAt: f.PublishedAt,
					Part: f.Part, Why: f.Why, Deaths: 1, State: quarantine.SuspectWaiting})
			}
			b.wantEqual(want, b.suspectList(quarantine.SuspectQuery{}), "suspects")
		}},
		{"OneMessageTwiceInAReportIsOneSuspect", func(b *bundle) {
			m := b.message()
			reused := m
			reused.PublishedAt = m.PublishedAt.Add(time.Microsecond)
			b.addCrash(b.crash(inFlight(m, handlers.PartCulprit), inFlight(m, handlers.PartSuspect), inFlight(reused, handlers.PartSuspect)))
			b.wantEqual(2, len(b.suspectList(quarantine.SuspectQuery{})), "suspects")
		}},
		{"EachFateIsKept", func(b *bundle) {
			for _, fate := range handlers.Fates() {
				f := inFlight(b.message(), handlers.PartSuspect)
				b.addCrash(b.crash(f))
				b.settle(f, fate)
				got := b.suspectList(quarantine.SuspectQuery{MessageID: f.ID})[0]
				if got.State != quarantine.SuspectAfter(fate) || time.Since(got.SettledAt).Abs() > time.Minute ||
					got.Identity != fateOf(f, fate).Identity {
					b.Errorf("%s: %+v", fate, got)
				}
			}
		}},
		{"AFateIsFinal", func(b *bundle) {
			f := inFlight(b.message(), handlers.PartSuspect)
			b.addCrash(b.crash(f))
			b.settle(f, handlers.FateCleared)
			first := b.suspectList(quarantine.SuspectQuery{})
			b.settle(f, handlers.FateHeld)
			b.wantEqual(first, b.suspectList(quarantine.SuspectQuery{}), "suspects")
		}},
		{"AFateReachesEveryReportOfTheMessageAndNoOther", func(b *bundle) {
			f, other := inFlight(b.message(), handlers.PartSuspect), inFlight(b.message(), handlers.PartSuspect)
			reused, elsewhere := f, f
			reused.PublishedAt = f.PublishedAt.Add(time.Second)
			elsewhere.Subscription = "mail"
			b.addCrash(b.crash(f, other, reused))
			b.addCrash(b.crash(f, elsewhere))
			b.settle(f, handlers.FateCleared)
			var got []quarantine.SuspectState
			for _, s := range b.suspectList(quarantine.SuspectQuery{}) {
				got = append(got, s.State)
			}
			w, c := quarantine.SuspectWaiting, quarantine.SuspectCleared
			b.wantEqual([]quarantine.SuspectState{c, w, w, c, w}, got, "states")
		}},
		{"HoldingAnEntryHoldsItsSuspects", func(b *bundle) {
			m := b.message()
			b.addCrash(b.crash(inFlight(m, handlers.PartSuspect)))
			n := b.entry(m)
			b.hold(n)
			got := b.suspectList(quarantine.SuspectQuery{})[0]
			b.wantEqual([]any{quarantine.SuspectHeld, n.Identity, false}, []any{got.State, got.Identity, got.SettledAt.IsZero()}, "the suspect")
			b.wantEqual(quarantine.Mark{Subscription: "billing", MessageID: m.ID, Standing: handlers.StandingDecided}, b.marks(0)[m.ID], "the mark")
		}},
		{"HoldingAgainHoldsWhoBecameSuspectSince", func(b *bundle) {
			m := b.message()
			b.hold(b.entry(m))
			b.addCrash(b.crash(inFlight(m, handlers.PartSuspect)))
			b.hold(b.entry(m))
			b.wantEqual(quarantine.SuspectHeld, b.suspectList(quarantine.SuspectQuery{})[0].State, "the suspect")
		}},
		{"DoneIsDecidedAlsoWhereNobodyWaited", func(b *bundle) {
			m := b.message()
			m.Data = nil // as in fateOf
			f := inFlight(m, handlers.PartSuspect)
			b.wantDecided(m, false, "at first")
			b.settle(f, handlers.FateCleared)
			b.settle(f, handlers.FateHeld)
			b.wantDecided(m, false, "after other fates")
			b.settle(f, handlers.FateDone)
			b.wantDecided(m, true, "when it is done")
			other := m
			other.Data = []byte("another message with its id")
			b.wantDecided(other, false, "another message")
			b.wantEqual(handlers.StandingDecided, b.marks(0)[m.ID].Standing, "the mark")
		}},
		{"WhatIsHeldIsDecided", func(b *bundle) {
			m := b.message()
			b.record(m, outcome(handlers.OutcomeFailed))
			b.wantDecided(m, false, "when it fails")
			e := b.hold(b.entry(m))[0]
			b.wantDecided(m, true, "when it is held")
			b.move(e, quarantine.StateDiscarded)
			b.wantDecided(m, true, "when it is discarded")
		}},
		{"MarksFollowWhatHappens", suspectMarks},
		{"AnIdIsSuspectAsLongAsOneOfItsMessagesIs", func(b *bundle) {
			f := inFlight(b.message(), handlers.PartSuspect)
			reused := f
			reused.PublishedAt = f.PublishedAt.Add(time.Second)
			b.addCrash(b.crash(f, reused))
			b.settle(f, handlers.FateCleared)
			b.wantEqual(true, b.marks(0)[f.ID].Suspect, "one waits")
			b.settle(reused, handlers.FateCleared)
			b.wantEqual(false, b.marks(0)[f.ID].Suspect, "none waits")
		}},
		{"ABatchIsSettledWholeOrNotAtAll", func(b *bundle) {
			f := inFlight(b.message(), handlers.PartSuspect)
			b.addCrash(b.crash(f))
			bad := fateOf(f, "pardoned")
			err := b.Store.SettleSuspects(b.ctx, []quarantine.SuspectFate{fateOf(f, handlers.FateDone), bad})
			b.wantErr(err, quarantine.ErrInvalid, "a fate that does not exist")
			bad.Fate, bad.Identity = handlers.FateDone, [32]byte{}
			err = b.Store.SettleSuspects(b.ctx, []quarantine.SuspectFate{fateOf(f, handlers.FateDone), bad})
			b.wantErr(err, quarantine.ErrInvalid, "no identity")
			b.wantEqual(quarantine.SuspectWaiting, b.suspectList(quarantine.SuspectQuery{})[0].State, "the suspect")
			b.must(b.Store.SettleSuspects(b.ctx, nil))
		}},
		{"TwinsInOneBatchAreOneFate", func(b *bundle) {
			f := inFlight(b.message(), handlers.PartSuspect)
			b.addCrash(b.crash(f))
			b.must(b.Store.SettleSuspects(b.ctx, []quarantine.SuspectFate{
				fateOf(f, handlers.FateDone), fateOf(f, handlers.FateDone), fateOf(f, handlers.FateCleared)}))
			b.wantEqual(quarantine.SuspectDone, b.suspectList(quarantine.SuspectQuery{})[0].State, "the suspect")
		}},
		{"AListIsNarrowedAndPaged", narrowedSuspects},
		{"NobodyWaitsForEverUnderConcurrency", settlesTogether},
	}
}

// fateOf is what became of a message that has no payload.
func fateOf(f handlers.InFlight, fate handlers.Fate) quarantine.SuspectFate {
	m := handlers.Message{ID: f.ID, PublishedAt: f.PublishedAt}
	return quarantine.SuspectFate{Subscription: f.Subscription, MessageID: f.ID, PublishedAt: f.PublishedAt,
		Identity: quarantine.Identity(f.Subscription, m.Identity()), Fate: fate}
}

func (b *bundle) settle(f handlers.InFlight, fate handlers.Fate) {
	b.Helper()
	b.must(b.Store.SettleSuspects(b.ctx, []quarantine.SuspectFate{fateOf(f, fate)}))
}

func (b *bundle) suspectList(q quarantine.SuspectQuery) []quarantine.Suspect {
	b.Helper()
	all, err := b.Store.SuspectList(b.ctx, q)
	b.must(err)
	return all
}

func (b *bundle) wantDecided(m handlers.Message, want bool, what string) {
	b.Helper()
	got, err := b.Other.Decided(b.ctx, quarantine.Identity("billing", m.Identity()))
	b.must(err)
	b.wantEqual(want, got, "decided "+what)
}

// marks follows the marks from a cursor to their end, by message id.
func (b *bundle) marks(since int64) map[string]quarantine.Mark {
	b.Helper()
	marks := make(map[string]quarantine.Mark)
	for more := true; more; {
		c, err := b.Other.Changes(b.ctx, since)
		b.must(err)
		for _, m := range c.Marks {
			marks[m.MessageID] = m
		}
		since, more = c.Cursor, c.More
	}
	return marks
}

func suspectMarks(b *bundle) {
	m := b.message()
	f := inFlight(m, handlers.PartSuspect)
	first, err := b.Store.Changes(b.ctx, 0)
	b.must(err)
	step := func(standing handlers.Standing, suspect bool, what string) {
		b.Helper()
		want := quarantine.Mark{Subscription: "billing", MessageID: m.ID, Standing: standing, Suspect: suspect}
		b.wantEqual(map[string]quarantine.Mark{m.ID: want}, b.marks(first.Cursor), what)
		if standing != handlers.StandingNew || suspect {
			b.wantEqual(map[string]quarantine.Mark{m.ID: want}, b.marks(0), what+", from the beginning")
		} else {
			b.wantEqual(0, len(b.marks(0)), what+", from the beginning")
		}
	}
	b.addCrash(b.crash(f))
	step(handlers.StandingNew, true, "after a death")
	b.record(m, outcome(handlers.OutcomeCrashed))
	step(handlers.StandingFailing, true, "after it was counted")
	b.record(m, outcome(handlers.OutcomeOK))
	step(handlers.StandingNew, true, "after a success, which clears no suspicion")
	b.settle(f, handlers.FateCleared)
	step(handlers.StandingNew, false, "after it was cleared")
	b.addCrash(b.crash(f))
	step(handlers.StandingNew, true, "after the next death")
	b.settle(f, handlers.FateDone)
	step(handlers.StandingDecided, false, "after it was done")
}

func narrowedSuspects(b *bundle) {
	flights := b.suspects(3)
	flights[1].Subscription = "mail"
	one := b.addCrash(b.crash(flights...))
	two := b.addCrash(b.crash(flights[0]))
	b.settle(flights[2], handlers.FateCleared)
	for name, tt := range map[string]struct {
		q    quarantine.SuspectQuery
		want []int64
	}{
		"all":          {quarantine.SuspectQuery{}, []int64{1, 2, 3, 4}},
		"crash":        {quarantine.SuspectQuery{Crash: one.Ref}, []int64{1, 2, 3}},
		"short":        {quarantine.SuspectQuery{Crash: two.Ref[2:]}, []int64{4}},
		"subscription": {quarantine.SuspectQuery{Subscription: "mail"}, []int64{2}},
		"message":      {quarantine.SuspectQuery{MessageID: flights[0].ID}, []int64{1, 4}},
		"states":       {quarantine.SuspectQuery{States: []quarantine.SuspectState{quarantine.SuspectCleared, quarantine.SuspectDone}}, []int64{3}},
		"waiting":      {quarantine.SuspectQuery{Crash: one.Ref, States: []quarantine.SuspectState{quarantine.SuspectWaiting}}, []int64{1, 2}},
		"page":         {quarantine.SuspectQuery{Limit: 2, After: 1}, []int64{2, 3}},
	} {
		var got []int64
		for _, f := range b.suspectList(tt.q) {
			got = append(got, f.Seq)
		}
		b.wantEqual(tt.want, got, name)
	}
	_, err := b.Store.SuspectList(b.ctx, quarantine.SuspectQuery{Crash: "C-ZZZZ"})
	b.wantErr(err, quarantine.ErrNotFound, "a report that is not there")
}

// settlesTogether reports and settles the same messages at once, and then settles
// them all: the rows and the marks must agree at every end.
func settlesTogether(b *bundle) {
	const messages, rounds = 5, 12
	flights := b.suspects(messages)[:messages]
	var crashes []handlers.Crash
	for range rounds {
		crashes = append(crashes, b.crash(flights...))
	}
	var mu sync.Mutex
	b.together(3, func(i int, s quarantine.Store) {
		for n := range rounds {
			var err error
			switch f := flights[n%messages]; i {
			case 0:
				_, err = s.AddCrash(b.ctx, crashes[n])
			case 1:
				err = s.SettleSuspects(b.ctx, []quarantine.SuspectFate{fateOf(f, handlers.FateCleared),
					fateOf(flights[(n+1)%messages], handlers.FateCleared)})
			default:
				m := handlers.Message{ID: f.ID, PublishedAt: f.PublishedAt}
				mu.Lock()
				e := b.entry(m)
				mu.Unlock()
				if n >= rounds/2 {
					_, err = s.HoldEntries(b.ctx, []quarantine.NewEntry{e})
				}
			}
			if err != nil {
				b.Error(err)
			}
		}
	})
	waiting := make(map[string]bool)
	for _, f := range b.suspectList(quarantine.SuspectQuery{Limit: 1000, States: []quarantine.SuspectState{quarantine.SuspectWaiting}}) {
		waiting[f.MessageID] = true
	}
	for _, f := range flights {
		b.wantEqual(waiting[f.ID], b.marks(0)[f.ID].Suspect, fmt.Sprint("the mark of ", f.ID))
		b.settle(f, handlers.FateCleared)
		b.wantEqual(false, b.marks(0)[f.ID].Suspect, fmt.Sprint("the mark of ", f.ID, " at the end"))
	}
	b.wantEqual(0, len(b.suspectList(quarantine.SuspectQuery{States: []quarantine.SuspectState{quarantine.SuspectWaiting}})), "waiting at the end")
}
