package quarantinetest

import (
	"sync"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/quarantine"
)

func snapshotPromises() []promise {
	return []promise{
		{"ASnapshotIsTakenByEveryStore", func(b *bundle) {
			m := b.joined("w-1")
			b.must(m.Snapshot(b.ctx, nil))
			b.must(m.Snapshot(b.ctx, b.running(3)))
			b.must(m.Snapshot(b.ctx, nil))
		}},
		{"AnEndedRegistrationTakesNone", func(b *bundle) {
			b.needSnapshots()
			m := b.join("w-1")
			b.must(m.Leave(b.ctx))
			b.wantErr(m.Snapshot(b.ctx, b.running(1)), quarantine.ErrNoWorker, "after leaving")
		}},
		{"WhatADeadWorkerWasRunningIsReported", reportsTheDead},
		{"ADeadWorkerThatMayStillBeReportedIsLeftForLater", leavesForLater},
		{"OnlyTheLastSnapshotCounts", func(b *bundle) {
			b.needSnapshots()
			m := b.join("w-1")
			b.must(m.Snapshot(b.ctx, b.running(3)))
			last := b.running(1)
			b.must(m.Snapshot(b.ctx, last))
			b.Age(b.TB, m, time.Minute)
			b.Kill(b.TB, m)
			b.wantEqual(1, len(b.reap()), "dead")
			got := b.suspectList(quarantine.SuspectQuery{})
			if len(got) != 1 || got[0].MessageID != last[0].MessageID {
				b.Errorf("suspects %+v, want %+v", got, last)
			}
		}},
		{"WhoRanNothingIsMarkedAtOnceAndNotReported", func(b *bundle) {
			b.needSnapshots()
			m := b.join("w-1")
			b.must(m.Snapshot(b.ctx, b.running(3)))
			b.must(m.Snapshot(b.ctx, nil))
			b.Kill(b.TB, m)
			b.wantEqual(1, len(b.reap()), "dead")
			b.wantEqual(0, len(b.crashes(quarantine.CrashQuery{}).Reports), "reports")
		}},
		{"WhoLeftIsNotReported", func(b *bundle) {
			b.needSnapshots()
			m := b.join("w-1")
			b.must(m.Snapshot(b.ctx, b.running(3)))
			b.must(m.Leave(b.ctx))
			b.Age(b.TB, m, time.Minute)
			b.wantEqual(0, len(b.reap()), "dead")
			b.wantEqual(0, len(b.crashes(quarantine.CrashQuery{}).Reports), "reports")
		}},
		{"AGuardiansRecordTakesTheSnapshotsPlace", func(b *bundle) {
			b.needSnapshots()
			m := b.join("w-1")
			b.must(m.Snapshot(b.ctx, b.running(3)))
			b.Age(b.TB, m, time.Minute)
			b.Kill(b.TB, m)
			c := b.crash(b.suspects(1)...)
			c.Host, c.PID, c.Died = "h-1", 42, time.Now().Add(time.Minute)
			b.addCrash(c)
			b.wantEqual(0, len(b.reap()), "dead")
			b.wantEqual(1, len(b.crashes(quarantine.CrashQuery{}).Reports), "reports")
			b.wantEqual(1, len(b.suspectList(quarantine.SuspectQuery{})), "suspects")
		}},
		{"AReportThatCameBeforeTheLockWasFreeTakesItsPlaceToo", func(b *bundle) {
			b.needSnapshots()
			m := b.join("w-1")
			b.must(m.Snapshot(b.ctx, b.running(3)))
			c := b.crash(b.suspects(1)...)
			c.Host, c.PID, c.Died = "h-1", 42, time.Now().Add(time.Minute)
			b.addCrash(c)
			b.Age(b.TB, m, time.Minute)
			b.Kill(b.TB, m)
			b.wantEqual(1, len(b.reap()), "dead")
			b.wantEqual(1, len(b.crashes(quarantine.CrashQuery{}).Reports), "reports")
		}},
		{"TheReportOfAnEarlierProcessDoesNot", func(b *bundle) {
			b.needSnapshots()
			m := b.join("w-1")
			b.must(m.Snapshot(b.ctx, b.running(3)))
			c := b.crash()
			c.Host, c.PID, c.Died = "h-1", 42, time.Now().Add(-time.Hour)
			b.addCrash(c)
			c.ID, c.PID, c.Died = b.crash().ID, 43, time.Now().Add(time.Minute)
			b.addCrash(c)
			b.Age(b.TB, m, time.Minute)
			b.Kill(b.TB, m)
			b.wantEqual(1, len(b.reap()), "dead")
			b.wantEqual(3, len(b.crashes(quarantine.CrashQuery{}).Reports), "reports")
		}},
		{"ManyReapersReportADeathOnceWithWhatItRan", func(b *bundle) {
			b.needSnapshots()
			m := b.join("w-1")
			b.must(m.Snapshot(b.ctx, b.running(5)))
			b.Age(b.TB, m, time.Minute)
			b.Kill(b.TB, m)
			var mu sync.Mutex
			reported := 0
			b.together(6, func(_ int, s quarantine.Store) {
				dead, err := s.ReapWorkers(b.ctx)
				if err != nil {
					b.Error(err)
				}
				mu.Lock()
				reported += len(dead)
				mu.Unlock()
			})
			b.wantEqual(1, reported, "dead")
			b.wantEqual(1, len(b.crashes(quarantine.CrashQuery{}).Reports), "reports")
			b.wantEqual(5, len(b.suspectList(quarantine.SuspectQuery{})), "suspects")
		}},
	}
}

// needSnapshots skips a behaviour where snapshots are not kept.
func (b *bundle) needSnapshots() {
	b.Helper()
	if b.Age == nil {
		b.Skip("this store keeps no snapshots")
	}
}

// running is n messages that a worker runs, the youngest first, with any bytes in
// their ids.
func (b *bundle) running(n int) []handlers.Running {
	var all []handlers.Running
	for i := range n {
		m := b.message()
		all = append(all, handlers.Running{Subscription: "billing", MessageID: m.ID + "\x00\xff",
			PublishedAt: m.PublishedAt, Started: m.PublishedAt.Add(time.Duration(n-i) * time.Second)})
	}
	return all
}

func reportsTheDead(b *bundle) {
	b.needSnapshots()
	b.move(b.holdOne(), quarantine.StateReplaying)
	m := b.join("w-1")
	e := b.claim(m)
	running := b.running(2)
	b.must(m.Snapshot(b.ctx, running))
	b.Age(b.TB, m, quarantine.ReportAfter)
	w := b.workers()[0]
	b.wantEqual(0, len(b.reap()), "dead while its lock is held")
	b.Kill(b.TB, m)
	b.wantEqual("w-1", b.reap()[0].Name, "reaped")
	b.wantEqual(quarantine.StateHeld, b.get(e.ID).State, "what it was replaying")

	reports := b.crashes(quarantine.CrashQuery{}).Reports
	if len(reports) != 1 {
		b.Fatalf("%d reports, want 1", len(reports))
	}
	got := b.getCrash(quarantine.CrashKey{Ref: reports[0].Ref})
	want, err := quarantine.StoredCrash(quarantine.DeathReport(w, running, got.Died))
	b.must(err)
	b.wantEqual(want, got.Crash, "the report")
	b.wantEqual(map[quarantine.SuspectState]int{quarantine.SuspectWaiting: 2}, got.Suspects, "its suspects")
	b.wantEqual([]string{running[1].MessageID, running[0].MessageID},
		[]string{got.InFlight[0].ID, got.InFlight[1].ID}, "the oldest run comes first")
	b.wantEqual(quarantine.Mark{Subscription: "billing", MessageID: running[0].MessageID, Standing: handlers.StandingNew, Suspect: true},
		b.marks(0)[running[0].MessageID], "the mark")
}

func leavesForLater(b *bundle) {
	b.needSnapshots()
	b.move(b.holdOne(), quarantine.StateReplaying)
	m := b.join("w-1")
	e := b.claim(m)
	b.must(m.Heartbeat(b.ctx))
	b.must(m.Snapshot(b.ctx, b.running(1)))
	b.Kill(b.TB, m)
	for range 2 {
		b.wantEqual(0, len(b.reap()), "reaped so soon")
		got := b.get(e.ID)
		b.wantEqual([]any{quarantine.StateHeld, "", e.Version + 1}, []any{got.State, got.Claim, got.Version}, "what it was replaying")
	}
	b.wantEqual(0, len(b.crashes(quarantine.CrashQuery{}).Reports), "reports so soon")
	_, err := b.Store.ClaimReplay(b.ctx, "billing", m.Incarnation())
	if err == nil {
		b.Error("a dead worker claimed a replay")
	}
	b.Age(b.TB, m, quarantine.ReportAfter)
	b.wantEqual(1, len(b.reap()), "reaped later")
	b.wantEqual(1, len(b.crashes(quarantine.CrashQuery{}).Reports), "reports")
}
